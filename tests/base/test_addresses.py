"""groupnl.base.addresses: what is an address, and what is refused before anybody is asked."""

import pytest
from pydantic import TypeAdapter, ValidationError

from groupnl.base.addresses import HostAndPort, Url, without_secrets

URLS = ["http://127.0.0.1:8083", "https://example.org", "http://[::1]:9090/prom/", "HTTP://a_b-c:1", "http://a/m?x=1"]
NO_URLS = [
    "http://[::1",
    "http://a b",
    "foo",
    "ftp://x",
    "http://",
    "http://127.0.0.1:99999",
    "http://a:0",
    "http://a:",
]
NO_URLS += [
    "",
    "//a",
    "http:a",
    "http://a:b",
    "http://u:p@a",
    "http://ä",
    "http://a/\n",
    "file:///etc/passwd",
    "http:///x",
]


@pytest.mark.parametrize("text", URLS)
def test_addresses_of_pages(text):
    assert TypeAdapter(Url).validate_python(text) == text


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_address_of_a_page(text):
    with pytest.raises(ValidationError, match=r"it must be an address, such as http://127\.0\.0\.1:8083"):
        TypeAdapter(Url).validate_python(text)


@pytest.mark.parametrize("text", ["127.0.0.1:8083", "host:1", "a_b.example.org:65535", "[::1]:8083"])
def test_addresses_with_their_ports(text):
    assert TypeAdapter(HostAndPort).validate_python(text) == text


@pytest.mark.parametrize(
    "text", ["a:99999", "a:0", "a", "a:", ":1", "http://a:1", "a:1/x", "a b:1", "a:b", "a:1_0", "a:٣", "::1:8083", ""]
)
def test_what_is_no_address_with_its_port(text):
    with pytest.raises(ValidationError, match="it must be an address with its port, HOST:PORT"):
        TypeAdapter(HostAndPort).validate_python(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("m = 'https://u:p@a/x.mar?sig=s#sha256=0': no", "m = 'https://a/x.mar?...#sha256=0': no"),
        ("https:/u:p@a/x.mar?sig=s does not exist", "https:/a/x.mar?... does not exist"),
        ("['s3://a/x?s', 's3://b/y?s']", "['s3://a/x?...', 's3://b/y?...']"),
        ("no model 'gnl_efnet'; did you mean gnl_effnet?", "no model 'gnl_efnet'; did you mean gnl_effnet?"),
        ("a file 'what?.mar'", "a file 'what?.mar'"),
        ("'https://a/x y?s'", "'https://a/x y?...'"),
        (
            "HTTPSConnectionPool(host='h', port=443): Max retries exceeded with url: /a.mar?X-Amz-Signature=S (Caused",
            "HTTPSConnectionPool(host='h', port=443): Max retries exceeded with url: /a.mar?... (Caused",
        ),
        ("403, url='https://a/x?a=(x)&sig=S', no", "403, url='https://a/x?...', no"),
        ("(see https://a/x?sig=S)", "(see https://a/x?...)"),
        ("URL('https://a/x?name='y'&sig=S')", "URL('https://a/x?...')"),
        ("https://a/it's.mar?sig=S.", "https://a/it's.mar?...."),
        ("https://a?sig=S=", "https://a?..."),
        ("bucket/x.mar?sig=S?more=S", "bucket/x.mar?..."),
        ("there is no a/b; did you mean a/c? See (a/d?)", "there is no a/b; did you mean a/c? See (a/d?)"),
    ],
)
def test_what_may_be_secret_in_an_address_is_not_shown(text, shown):
    assert without_secrets(text) == shown
