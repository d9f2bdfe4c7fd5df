"""Settings of a process: environment variables ``RECONCILER_…``, read once, by ``app.py``."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator sets; each has a default that works on one machine."""

    model_config = SettingsConfigDict(
        env_prefix="RECONCILER_", extra="ignore", use_attribute_docstrings=True
    )

    state_dir: Path = Path(".reconciler")
    """The folder of the embedded database and caches; made with mode 0700."""
    database_url: str | None = None
    """``postgresql://…``; default: SQLite in ``state_dir``."""
    env: str | None = None
    """The Environment of the specs that is in force (``--env``)."""
    bind: str = "127.0.0.1:8080"
    """Where ``run`` listens."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that the API answers for beside the loopback ones (behind a proxy)."""
    keys: SecretStr | None = None
    """The keys that seal stored credentials: ``2026a:BASE64,2025b:BASE64``, 32 bytes each; the first seals, all open."""
    keys_file: Path | None = None
    """A file with such keys, one a line; read anew when a key is missing."""
    keys_command: tuple[str, ...] = ()
    """A command (a list of arguments, no shell) that prints such keys."""
    secret_commands: dict[str, tuple[str, ...]] = {}
    """What ``{exec: NAME}`` in specs may run: ``{"sap-password": ["/usr/bin/pass", "show", "sap"]}``."""
    hook_secrets: tuple[str, ...] = ()
    """Where the secrets of git hooks are: ``env:NAME`` or ``file:PATH``; several while one is replaced."""
    allowed_targets: str = ""
    """Networks that alerts may go to beside public addresses, and by http://: ``10.20.0.0/16,127.0.0.1``."""
    max_changed: str | None = None
    """Hold mapping changes that change more of an entity's stored records at once: ``10%``, ``250``."""
    public_url: str = ""
    """Where customers reach this server, for connect links: ``https://connect.example.com``. Default: where
    it listens."""
    brand: str = ""
    """Who asks customers to connect, as the connect page says it."""
    connect_redirects: str = ""
    """Where the connect page may send customers at the end: origins, or addresses that begin alike:
    ``https://app.example.com,https://b.example.com/done/``."""
    connect_targets: str = ""
    """Networks beside public addresses that a customer may name as the place of their system, and by
    http://: ``10.20.0.0/16``."""
    connect_frames: str = ""
    """Origins whose pages may show the connect page in a frame. Default: none."""
    smtp_host: str = ""
    """The mail server of routes that name none."""
    smtp_port: int | None = None
    """Its port. Default: 587, with ``tls`` 465, with ``none`` 25."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How it is encrypted; ``none`` only on this machine, or where ``allowed_targets`` says so."""
    smtp_username: str = ""
    """The name of its login."""
    smtp_password: str = ""
    """Where the password of its login is: ``env:NAME`` or ``file:PATH``."""
    smtp_from: str = ""
    """Whom mail is from, where a route does not say."""
    alertmanager_url: str = ""
    """The Prometheus Alertmanager of routes that name none."""
    alertmanager_token: str = ""
    """Where its bearer token is: ``env:NAME`` or ``file:PATH``."""
    workers: int = 4
    """How many connections are synced at a time."""
    metrics: Literal["token", "open", "off"] = "token"
    """Who may read ``/metrics``: a token with ``read:status`` over all connections, anybody, or nobody."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged, to standard error."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """``auto``: for people on a terminal, JSON elsewhere."""
