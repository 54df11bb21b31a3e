"""The application that Ray Serve runs: `groupnl.cluster.application:build`, also in a file for `serve deploy`."""

from typing import Any

from ray import serve

from groupnl.cluster.config import DEPLOYMENT, ClusterConfig
from groupnl.cluster.replica import Replica

PROXY_ENVIRONMENT = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "groupnl.cluster.again.middlewares",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "120",  # Ray's 5 s kill proxies that start on a busy machine
    "RAY_USAGE_STATS_ENABLED": "0",
    "FORWARDED_ALLOW_IPS": "nobody",  # whom their uvicorn believes who asks: `trusted_proxies` says that here
}


def build(args: ClusterConfig) -> serve.Application:
    """The application.

    Args:
        args: its settings.

    Raises:
        ConfigError, ArchiveError: they cannot be used.
    """
    scaling: dict[str, Any] = {"num_replicas": args.most}
    if args.least < args.most:
        scaling = {
            "autoscaling_config": {
                "min_replicas": args.least,
                "max_replicas": args.most,
                "target_ongoing_requests": args.target_ongoing,
                "upscale_delay_s": args.upscale_delay_s,
                "downscale_delay_s": args.downscale_delay_s,
                "look_back_period_s": max(2.0, min(30.0, args.upscale_delay_s)),
                "metrics_interval_s": max(1.0, min(10.0, args.upscale_delay_s / 3)),
            }
        }
    deployment = serve.deployment(
        serve.ingress()(Replica),
        name=DEPLOYMENT,
        user_config=args.served(),
        max_ongoing_requests=args.max_ongoing,
        max_queued_requests=args.queue_size,
        graceful_shutdown_wait_loop_s=0.5,
        graceful_shutdown_timeout_s=args.drain_s + 10,
        health_check_period_s=args.health_period_s,
        health_check_timeout_s=max(30.0, args.health_period_s),
        ray_actor_options={"num_cpus": args.cpus, "num_gpus": args.gpus},
        **scaling,
    )
    return deployment.bind(args)
