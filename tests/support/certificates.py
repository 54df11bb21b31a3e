"""Certificates that sign themselves, made by the openssl command."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path


def make_certificate(folder: Path, name: str, *, algorithm: str = "ec:prime256v1", days: int = 1) -> tuple[Path, Path]:
    """The files of a certificate and of its key.

    Args:
        folder: that gets them.
        name: that the certificate shows.
        algorithm: of the key.
        days: for which it is good; -1: it expired yesterday.
    """
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind, _, size = algorithm.partition(":")
    option = f"rsa_keygen_bits:{size}" if kind == "rsa" else f"ec_paramgen_curve:{size}"
    _openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", key)
    key.chmod(0o600)
    subject = "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"
    if days > 0:
        _openssl("req", "-x509", "-key", key, "-out", chain, "-days", days, *subject)
        return chain, key
    # `req` makes none of the past; `ca` does, with a folder of its own.
    request, index = folder / f"{name}.csr", folder / f"{name}.index"
    _openssl("req", "-new", "-key", key, "-out", request, *subject)
    index.touch()
    settings = folder / f"{name}.cnf"
    settings.write_text(
        f"[ca]\ndefault_ca=one\n[one]\ndatabase={index}\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    now = datetime.now(UTC)
    begin, end = (f"{now + timedelta(days=shift):%Y%m%d%H%M%SZ}" for shift in (days - 1, days))
    ca = "ca", "-batch", "-selfsign", "-notext", "-config", settings, "-keyfile", key, "-in", request, "-out", chain
    _openssl(*ca, "-startdate", begin, "-enddate", end)
    return chain, key


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
