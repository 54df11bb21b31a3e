"""TorchServe as a child process: how it is configured, started, listened to and stopped.

The Java frontend is started directly, as TorchServe's own launcher would start it: the launcher keeps its pid in
one file for the whole machine, and leaves Java running when it is ended itself.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from groupnl.base import environment
from groupnl.base.child_process import end_with_parent
from groupnl.base.say import Say
from groupnl.errors import ConfigError, ServerError, not_installed
from groupnl.server.config import ServeConfig
from groupnl.server.processes import end_session
from groupnl.server.stop import Wait
from groupnl.server.store import REQUEST_SLACK, ServedModel, request_bytes
from groupnl.server.torchserve.console import TAIL_LINES, Console

_LARGEST_REQUEST = 2**31 - 1  # TorchServe reads the limit as a Java int
KEY_FILE = "key_file.json"  # TorchServe writes it into its working directory
GRACE_S = 2.0  # a worker's last words may arrive after the news that it has ended
LOG_CONFIG = Path(__file__).with_name("log4j2.xml")


def properties(config: ServeConfig, models: list[ServedModel], store: Path, max_image_bytes: int) -> str:
    """The text of TorchServe's `config.properties`.

    Args:
        config: of this start.
        models: to be loaded at the start.
        store: the run's model store.
        max_image_bytes: the largest `max_bytes` of the models; 0: the usual one.

    Raises:
        ConfigError: TorchServe cannot receive images so large.
    """
    settings = {
        "inference_address": f"http://{config.host}:{config.inference_port}",
        "management_address": f"http://{config.management_host}:{config.torchserve_management_port}",
        "metrics_address": f"http://{config.metrics_host}:{config.frontend_metrics_port}",
        # TorchServe cannot switch gRPC off, and gRPC ignores per-item errors: any free port, loopback only.
        "grpc_inference_address": "127.0.0.1",
        "grpc_inference_port": "0",
        "grpc_management_address": "127.0.0.1",
        "grpc_management_port": "0",
        "model_store": str(store),
        "load_models": ",".join(f"{model.name}={model.name}" for model in models),
        "allowed_urls": f"file://{store}/.*",
        "enable_model_api": "false",
        "disable_token_authorization": str(not config.token_auth).lower(),
        "token_expiration_min": str(config.token_expiration_min),
        "max_request_size": str(_request_limit(max_image_bytes)),
        "metrics_mode": "prometheus",
        # The usual command asks for GPU figures where there is a GPU; they need a package that is no longer
        # maintained, and without it all system metrics fail.
        "system_metrics_cmd": "ts/metrics/metric_collector.py --gpu 0",
        # Bodies reach the handler as they came, JSON and text too.
        "decode_input_request": "false",
        "async_logging": "true",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _request_limit(max_image_bytes: int) -> int:
    limit = request_bytes(max_image_bytes)
    if limit > _LARGEST_REQUEST:
        most = _LARGEST_REQUEST - REQUEST_SLACK
        raise ConfigError(f"limits.max_bytes = {max_image_bytes}: TorchServe can receive at most {most}")
    return limit


# The frontend shares the cores with the workers. Java's usual collector and second compiler are for servers with the
# machine to themselves: on 2 cores they took 1.2 to 2.9 ms of a core for a request in the first minute, these 0.5.
# And Netty need not look for buffers that its users forgot to release.
_JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dio.netty.leakDetection.level=disabled",
)


class TorchServe:
    """One TorchServe: the Java frontend and the workers it starts, in a session of their own.

    Args:
        java: the `java` program.
        run_dir: working and temporary directory of the run; holds `config.properties`.
        log_dir: where the log files go.
        settings: the variables that its workers need.
        say: prints a line for the operator.
    """

    def __init__(self, java: Path, run_dir: Path, log_dir: Path, settings: Mapping[str, str], say: Say) -> None:
        self._command = _command(java, run_dir)
        self._environment = environment.child_environment(
            {
                "TMPDIR": str(run_dir),
                "LOG_LOCATION": str(log_dir.resolve()),
                "METRICS_LOCATION": str(log_dir.resolve()),
                **settings,
            }
        )
        self._run_dir = run_dir
        self._model_log = log_dir / "model_log.log"
        self._process: subprocess.Popen[str] | None = None
        self.console = Console(log_dir / "console.log", say)

    def start(self) -> None:
        """Start the frontend; its workers load their models after it returns."""
        self._process = subprocess.Popen(  # noqa: S603 (no shell, nothing that a client sends)
            self._command,
            cwd=self._run_dir,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=end_with_parent,  # safe: no other thread runs yet
            start_new_session=True,  # a Ctrl-C in the terminal reaches only us, and we stop everything in order
        )
        if self._process.stdout is not None:
            self.console.listen(self._process.stdout)

    def check_alive(self) -> None:
        """Raise ServerError, with the end of the log, when the frontend has ended by itself."""
        if self._process is None or self._process.poll() is None:
            return
        self.console.close()
        raise ServerError(
            f"TorchServe ended by itself with code {self._process.returncode}. Its last lines:\n{self.console.tail()}"
        )

    def check_workers(self, wait: Wait) -> None:
        """Raise ServerError when a worker has ended; for the time before all models answered.

        Args:
            wait: waits so many seconds.
        """
        if self.console.refusal is None and self.console.stopped_worker is not None:
            wait(GRACE_S)
        if self.console.refusal is not None:
            raise ServerError(self.console.refusal)
        if self.console.stopped_worker is not None:
            raise ServerError(
                f"a worker of {self.console.stopped_worker} ended before its model was loaded. "
                f"The last lines of {self._model_log}:\n{_last_lines(self._model_log)}"
            )

    def stop(self) -> None:
        """Stop the frontend and every worker; returns when none of them is left."""
        if self._process is not None:
            end_session(self._process)
            self.console.close()


def _command(java: Path, run_dir: Path) -> list[str]:
    package = importlib.util.find_spec("ts")
    if package is None or package.origin is None:
        raise ServerError(not_installed("TorchServe", "serve"))
    home = Path(package.origin).parent
    return [
        str(java),
        *_JAVA_OPTIONS,
        f"-Dmodel_server_home={home.parent}",
        f"-Dlog4j.configurationFile={LOG_CONFIG.as_uri()}",
        f"-Djava.io.tmpdir={run_dir}",
        "-cp",
        str(home / "frontend" / "*"),
        "org.pytorch.serve.ModelServer",
        "--python",
        sys.executable,
        "-f",
        str(run_dir / "config.properties"),
        "-ncs",
    ]


def _last_lines(file: Path) -> str:
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-TAIL_LINES:])
