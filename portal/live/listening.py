"""The one LISTEN connection of this process, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from django.conf import settings

from portal.live.changes import CHANNEL, parse
from portal.live.hub import Hub

APPLICATION_NAME: Final = "portal live"
ASK_S: Final = 5.0  # how often the connection is asked whether it lives
ANSWER_WITHIN_S: Final = 5.0
PAUSES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)

logger = logging.getLogger(__name__)


def connection_options(database: Mapping[str, Any]) -> dict[str, Any]:
    """A Django DATABASES entry as libpq's options."""
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {option: database[name] for option, name in names.items() if database.get(name)}
    return {**given, **database.get("OPTIONS", {}), "application_name": APPLICATION_NAME, "connect_timeout": 5}


async def listen(hub: Hub) -> None:
    """Pass what PostgreSQL says on to the hub; forever."""
    lost = 0
    while True:
        try:
            await _listen_once(hub)
        except (psycopg.Error, OSError, TimeoutError) as error:
            if hub.listening:
                lost = 0
                logger.warning("Changes are not heard: %s", str(error).strip() or type(error).__name__)
            hub.stop_listening()
        pause_s = PAUSES_S[min(lost, len(PAUSES_S) - 1)]
        lost += 1
        await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads work, guards nothing


async def _listen_once(hub: Hub) -> None:
    """Until the connection is lost. Raises psycopg.Error, OSError or TimeoutError."""
    options = connection_options(settings.DATABASES["default"])
    connection = await psycopg.AsyncConnection.connect(**options, autocommit=True)
    try:
        await connection.execute(f"LISTEN {CHANNEL}")
        hub.begin_listening()
        logger.info("Changes are heard.")
        while True:
            async for notification in connection.notifies(timeout=ASK_S):
                change = parse(notification.payload)
                if change is not None:
                    hub.hear(change)
            # A server that was stopped, or a network that was cut, keeps a connection that says nothing.
            await asyncio.wait_for(connection.execute("SELECT 1"), ANSWER_WITHIN_S)
    finally:
        await connection.close()
