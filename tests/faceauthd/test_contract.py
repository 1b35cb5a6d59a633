# SPDX-License-Identifier: MIT
"""The contract's XML, what is made from it, and the words that must agree with it."""

import re
import runpy
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest
from gi.repository import Gio

from faceauthd import contract
from faceauthd.results import BUS_NAME, INTERFACE, OBJECT_PATH, Result
from faceauthd.variants import Typed
from pam_module import attempt
from tests.faceauthd.stage import OTHER, SERVICE, Stage
from tests.harness.bus import HANG_GUARD
from tests.harness.data import ROOT

DOC = "{http://www.freedesktop.org/dbus/1.0/doc.dtd}doc"
XML = ElementTree.fromstring(contract.FILE.read_text())[0]  # noqa: S314 (a file of our own)


@pytest.fixture(scope="module")
def page_maker() -> Mapping[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_dbus_page.py"))


def test_the_page_is_what_the_contract_says(page_maker: Mapping[str, Any]) -> None:
    """Run docs/make_dbus_page.py after changing the contract."""
    assert (ROOT / "docs" / "dbus.md").read_text(encoding="utf-8") == page_maker["page"]()


def test_the_page_and_the_pam_module_agree(page_maker: Mapping[str, Any]) -> None:
    for result, (_, code) in page_maker["RESULTS"].items():
        assert attempt.RESULTS[result][0] == getattr(attempt, f"PAM_{code}"), result
    assert set(page_maker["RESULTS"]) == set(Result)


def test_every_member_has_its_prose() -> None:
    assert XML.get("name") == INTERFACE
    for member in XML:
        assert (member.findtext(DOC) or "").strip(), member.get("name")


def test_verify_s_results_are_all_named() -> None:
    (verify,) = [member for member in XML if member.get("name") == "Verify"]
    (result,) = [arg for arg in verify.iter("arg") if arg.get("name") == "result"]
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", result.findtext(DOC) or "")) - {"or"}
    assert words == set(Result)


def test_the_contract_has_no_properties_and_two_unicast_signals() -> None:
    info = Gio.DBusNodeInfo.new_for_xml(contract.introspection_xml()).interfaces[0]
    assert info.properties == []
    assert [signal.name for signal in info.signals] == ["Frame", "Progress"]


def test_the_daemon_serves_the_contract_with_its_prose(stage: Stage) -> None:
    peer = type(SERVICE)(BUS_NAME, OBJECT_PATH, "org.freedesktop.DBus.Introspectable")
    arguments = Typed("()", ())
    (xml,) = stage.caller(OTHER).bus.wait(peer, "Introspect", arguments, timeout=HANG_GUARD)
    served = Gio.DBusNodeInfo.new_for_xml(xml).lookup_interface(INTERFACE)
    for member in XML.iter("method"):
        method = served.lookup_method(member.get("name"))
        assert [arg.signature for arg in method.in_args + method.out_args] == [
            arg.get("type") for arg in member.iter("arg")
        ]
        (prose,) = [note.value for note in method.annotations if note.key.endswith(".DocString")]
        assert prose == " ".join((member.findtext(DOC) or "").split())
