# SPDX-License-Identifier: MIT
"""faceauthd: command line, wiring, main loop.

    faceauthd [--config FILE] [--state DIR] [--bus ADDRESS]

Exit status: 0 ended on request, 2 usage, 6 wrong configuration, 7 damaged store or wrong key,
8 bus unreachable or name taken, 70 a fault of the program. The log goes to stderr.
"""

import argparse
import logging
import os
import signal
import sys
from enum import IntEnum
from pathlib import Path

from gi.repository import GLib

from faceauthd import audit, config, keys, notify, policy
from faceauthd.bus import Bus, BusError
from faceauthd.config import Config, ConfigError
from faceauthd.confinement import ConfinementError, keep_memory_private
from faceauthd.engine import WorkerSupervisor
from faceauthd.environment import Environment
from faceauthd.events import Journal
from faceauthd.parts import Parts
from faceauthd.pulse import Pulse
from faceauthd.results import SYSTEM_BUS, StorageError
from faceauthd.service import Service
from faceauthd.worker_spec import WorkerSpec
from models.recognition.calibration import calibration_for

DEFAULT_STATE = "/var/lib/faceauth"
# journald takes this prefix of a line as its priority (sd-daemon(3)).
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
log = logging.getLogger("faceauthd")


class Exit(IntEnum):
    """What the exit status says."""

    DONE = 0
    CONFIG = 6
    STORE = 7
    BUS = 8
    INTERNAL = 70


def main() -> int:
    chosen = _arguments()
    _start_log()
    try:
        keep_memory_private()  # templates and their key are in it
        return _run(chosen.config, chosen.state, chosen.bus)
    except ConfigError as error:
        return _failed(error, Exit.CONFIG)
    except StorageError as error:
        return _failed(error, Exit.STORE)
    except BusError as error:
        return _failed(error, Exit.BUS)
    except ConfinementError as error:
        return _failed(error, Exit.INTERNAL)
    except Exception:
        log.exception("unforeseen error")
        return Exit.INTERNAL


def _run(config_file: Path, state: Path, address: str) -> int:
    """Wire the parts, run until asked to end; the exit status."""
    settings = config.load(config_file)
    store = keys.open_store(state)
    bus = Bus(address)
    parts = Parts(
        bus=bus,
        config=settings,
        store=store,
        worker=_make_worker(settings),
        environment=Environment(bus),
        load=lambda: config.load(config_file),
        make_worker=_make_worker,
        threshold=lambda model, fmr: calibration_for(model).threshold(fmr),
        run_threshold=lambda model, fmr: calibration_for(model).run_threshold(fmr),
    )
    service = Service(parts)
    pulse = Pulse(bus)
    loop = GLib.MainLoop()
    status = Exit.DONE

    def bus_is_gone() -> None:
        nonlocal status
        status = Exit.BUS
        log.error("the bus is gone")
        loop.quit()

    bus.on_closed(bus_is_gone)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGHUP, hang_up, service)
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    try:
        service.start()
        notify.ready()
        notify.feed_watchdog(lambda: parts.worker.state != "stopped" and pulse.beats())
        loop.run()
    finally:
        notify.stopping()
        service.stop()
        store.close()
    return status


def hang_up(service: Service) -> bool:
    """What SIGHUP asks for. True whatever happens: else GLib forgets us, and the next one kills."""
    try:
        service.reload()
    except ConfigError as error:
        log.error("the configuration stays as it was: %s", error)
    except Exception:
        log.exception("unforeseen error in reading the configuration again")
    return True


def _make_worker(settings: Config) -> WorkerSupervisor:
    challenge = config.CHALLENGE in policy.cues(settings)
    spec = WorkerSpec(settings.engine, settings.models_dir, settings.verify.min_face, challenge)
    return WorkerSupervisor(spec, idle=settings.worker_idle, fresh=settings.worker_fresh)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faceauthd", description="Face authentication daemon.")
    # systemd's StateDirectory= may name several folders; the first is ours.
    state = os.environ.get("STATE_DIRECTORY", DEFAULT_STATE).split(":")[0]
    parser.add_argument("--config", type=Path, default=config.DEFAULT_PATH, metavar="FILE")
    parser.add_argument("--state", type=Path, default=Path(state), metavar="DIR")
    parser.add_argument("--bus", default=SYSTEM_BUS, metavar="ADDRESS")
    return parser.parse_args()


def _start_log() -> None:
    """One line for each message on stderr, with its priority where journald reads it."""
    handler = logging.StreamHandler()
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_ForJournal("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if "JOURNAL_STREAM" in os.environ:
        audit.log.addHandler(Journal(handler))
        audit.log.propagate = False  # or each event would be in the journal twice


class _ForJournal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{PRIORITIES.get(record.levelno, 2)}>"
        return prefix + super().format(record).replace("\n", f"\n{prefix}")


def _failed(error: Exception, status: Exit) -> Exit:
    log.error("%s", error)
    return status


if __name__ == "__main__":
    sys.exit(main())
