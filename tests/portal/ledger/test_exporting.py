"""The record leaves the portal whole, on record, and checkable by a program that knows nothing of it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from planning.models import Plan
from portal.ledger import checkpointing
from portal.ledger.exporting import ExportRightMissing, FolderTaken, SpanInvalid, StreamUnknown, export
from portal.ledger.models import Event, Export, Link
from portal.ledger.signing import own_key, own_or_new_key
from portal.models import User
from tests import factories
from tests.conftest import CommittedDatabase
from tests.factories import Called
from tests.portal.ledger.exported import signed_anew, verified
from tests.portal.pages.browsing import person


@pytest.fixture
def auditor(committed_db: CommittedDatabase, settings: object, tmp_path: Path) -> User:
    settings.PORTAL_LEDGER_KEY = tmp_path / "key" / "checkpoint.key"  # type: ignore[attr-defined]
    settings.PORTAL_LEDGER_COPIES = tmp_path / "key" / "copies"  # type: ignore[attr-defined]
    return person("ada", "auditor")


@pytest.fixture
def plan(auditor: User) -> Plan:
    """A plan whose beginning two checkpoints cover, and whose last events none covers."""
    factories.drill()
    made = factories.plan_of({factories.cohort(): [Called(100)]}, requested_by=person("omar", "operator"))
    checkpointing.checkpoint(wall_at=timezone.now())
    factories.move(made, "WITHDRAWN")
    checkpointing.checkpoint(wall_at=timezone.now())
    person("=cmd|' /C calc'!A0", "operator")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('portal.context', %s, true)", ['=1+1,"two\nlines"'])
        User.objects.filter(username="omar").update(is_staff=True)
    return made


def test_an_export_is_sound_without_the_portal(plan: Plan, auditor: User, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    manifest = export(to=folder, by=auditor, wall_at=timezone.now())
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints.jsonl",
        "events.csv",
        "events.jsonl",
        "manifest.json",
        "verify.py",
    ]
    verdict = verified(folder, "--key", own_key().public.hex())
    streams = Link.objects.values("stream").distinct().count() - 1  # the export itself came after
    events = Event.objects.count() - 1
    assert verdict.text == (
        f"SOUND: {events} events in {streams} streams, 2 checkpoints; made {manifest.content['made_at']},"
        ' filter {"stream": null, "since": null, "until": null}\n'
    )
    assert verdict.status == 0
    by_itself = verified(folder)
    assert by_itself.status == 0
    assert (
        f"by the export's own key alone. Compare it with the one you know: {own_key().public.hex()}" in by_itself.text
    )


def test_what_is_written_is_what_is_recorded(plan: Plan, auditor: User, tmp_path: Path) -> None:
    export(to=tmp_path / "export", by=auditor, wall_at=timezone.now(), stream=f"plan:{plan.pk}")
    lines = [json.loads(line) for line in (tmp_path / "export" / "events.jsonl").read_text().splitlines()]
    links = Link.objects.filter(stream=f"plan:{plan.pk}").order_by("seq").select_related("event")
    assert [(line["seq"], line["hash"], line["body"]) for line in lines] == [
        (link.seq, bytes(link.hash).hex(), link.event.body) for link in links
    ]
    assert [datetime.fromisoformat(line["at"]) for line in lines] == [link.event.at for link in links]
    assert verified(tmp_path / "export").status == 0


def test_no_cell_of_the_table_is_a_formula(plan: Plan, auditor: User, tmp_path: Path) -> None:
    export(to=tmp_path / "export", by=auditor, wall_at=timezone.now(), stream="people")
    table = (tmp_path / "export" / "events.csv").read_bytes().decode()
    assert '"\'=1+1,""two\nlines"""' in table
    assert ",=1+1" not in table


def test_an_export_is_itself_on_record(plan: Plan, auditor: User, tmp_path: Path) -> None:
    at = datetime(2026, 8, 3, 12, tzinfo=UTC)
    manifest = export(to=tmp_path / "export", by=auditor, wall_at=at, stream="people", since=at - timedelta(days=9999))
    made = Export.objects.get()
    assert (made.by, made.wall_at, made.stream, made.since) == (auditor, at, "people", at - timedelta(days=9999))
    assert made.manifest_sha256 == manifest.sha256
    assert manifest.sha256 == hashlib.sha256((tmp_path / "export" / "manifest.json").read_bytes()).hexdigest()
    assert made.spans == {"people": [1, Link.objects.filter(stream="people").count()]}
    event = Event.objects.get(source="ledger_export")
    assert (event.stream, event.actor) == ("exports", str(auditor.pk))
    assert json.loads(event.body)["manifest_sha256"] == manifest.sha256


def test_a_stretch_of_time_has_no_holes(plan: Plan, auditor: User, tmp_path: Path) -> None:
    since = Event.objects.order_by("pk")[5].at
    until = Event.objects.order_by("-pk")[3].at
    manifest = export(to=tmp_path / "export", by=auditor, wall_at=timezone.now(), since=since, until=until)
    inside = set(Event.objects.filter(at__gte=since, at__lt=until).values_list("stream", "link__seq"))
    lines = [json.loads(line) for line in (tmp_path / "export" / "events.jsonl").read_text().splitlines()]
    assert inside <= {(line["stream"], line["seq"]) for line in lines}
    assert any(stream["first_seq"] > 1 for stream in manifest.content["streams"])
    assert verified(tmp_path / "export").status == 0


def test_who_may_not_gets_nothing(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ExportRightMissing, match=r"it needs ledger\.export_record"):
        export(to=tmp_path / "export", by=User.objects.get(username="omar"), wall_at=timezone.now())
    assert not (tmp_path / "export").exists()
    assert Export.objects.count() == 0


def test_what_cannot_be_exported_leaves_nothing(plan: Plan, auditor: User, tmp_path: Path) -> None:
    now = timezone.now()
    (tmp_path / "taken").mkdir()
    with pytest.raises(FolderTaken, match="is there already"):
        export(to=tmp_path / "taken", by=auditor, wall_at=now)
    with pytest.raises(StreamUnknown, match="no stream 'plan:99999'"):
        export(to=tmp_path / "export", by=auditor, wall_at=now, stream="plan:99999")
    with pytest.raises(SpanInvalid):
        export(to=tmp_path / "export", by=auditor, wall_at=now, since=now, until=now)
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "key"}
    assert Export.objects.count() == 0


def test_by_command(plan: Plan, tmp_path: Path) -> None:
    out = StringIO()
    call_command("ledger", "export", "--to", str(tmp_path / "a"), "--by", "ada", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["by"] == str(User.objects.get(username="ada").pk)
    assert told["manifest_sha256"] == Export.objects.get().manifest_sha256
    out = StringIO()
    call_command("ledger", "export", "--to", str(tmp_path / "b"), "--since", "2020-01-01", stdout=out)
    assert f"Check it: python3 -I -S {tmp_path}/b/verify.py --key {own_key().public.hex()}" in out.getvalue()
    assert verified(tmp_path / "b").status == 0
    for arguments in (["--by", "omar"], ["--by", "nobody"], ["--stream", "plan:0"]):
        with pytest.raises(SystemExit) as ended:
            call_command("ledger", "export", "--to", str(tmp_path / "c"), *arguments, stdout=StringIO())
        assert ended.value.code == 1
    assert not (tmp_path / "c").exists()


# What is not sound


@pytest.fixture
def folder(plan: Plan, auditor: User, tmp_path: Path) -> Path:
    export(to=tmp_path / "export", by=auditor, wall_at=timezone.now())
    return tmp_path / "export"


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_file_that_is_gone_or_too_many(folder: Path) -> None:
    (folder / "note.txt").write_text("see me")
    assert (
        "- files are checkpoints.jsonl, events.csv, events.jsonl, manifest.json, note.txt, verify.py;"
        in verified(folder).text
    )
    (folder / "note.txt").unlink()
    (folder / "events.csv").unlink()
    assert verified(folder).status == 1
    (folder / "manifest.json").unlink()
    assert verified(folder).status == 2


def test_a_line_removed_and_two_swapped(folder: Path) -> None:
    path = folder / "events.jsonl"
    whole = lines_of(path)
    path.write_bytes(b"".join([*whole[:3], *whole[4:]]))
    verdict = verified(folder)
    assert verdict.status == 1
    assert "events.jsonl has" in verdict.text
    path.write_bytes(b"".join([*whole[:3], whole[4], whole[3], *whole[5:]]))
    verdict = verified(folder)
    assert verdict.status == 1
    assert "events.jsonl was changed" in verdict.text
    path.write_bytes(b"".join(whole))
    assert verified(folder).status == 0


def drop(folder: Path, stream: str, *, tail: bool) -> None:
    """Take a stream's tail, or all of it, out of both files."""
    lines = lines_of(folder / "events.jsonl")
    places = [i for i, line in enumerate(lines) if json.loads(line)["stream"] == stream]
    doomed = set(places[-1:] if tail else places)
    (folder / "events.jsonl").write_bytes(b"".join(line for i, line in enumerate(lines) if i not in doomed))
    from portal.ledger import verifier

    rows = [verifier.row_of(json.loads(line).values()) for i, line in enumerate(lines) if i not in doomed]
    (folder / "events.csv").write_bytes(b"".join([verifier.row_of(verifier.FIELDS), *rows]))


def manifest_of(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "manifest.json").read_bytes())["manifest"]
    return content


def without_tail(folder: Path, stream: str) -> dict[str, object]:
    """The manifest that fits a folder whose stream lost its last event."""
    last = [json.loads(line) for line in lines_of(folder / "events.jsonl") if json.loads(line)["stream"] == stream][-1]
    content = manifest_of(folder)
    streams = [
        {**one, "last_seq": last["seq"], "count": one["count"] - 1, "head": last["hash"]}
        if one["stream"] == stream
        else one
        for one in content["streams"]  # type: ignore[attr-defined]
    ]
    return {"streams": streams, "events": content["events"] - 1}  # type: ignore[operator]


def test_a_tail_removed_with_a_manifest_made_anew(folder: Path, plan: Plan, tmp_path: Path) -> None:
    ours = own_key()
    thief = own_or_new_key(tmp_path / "thief.key")
    drop(folder, f"plan:{plan.pk}", tail=True)
    changes = without_tail(folder, f"plan:{plan.pk}")
    signed_anew(folder, thief, **changes)
    verdict = verified(folder, "--key", ours.public.hex())
    assert verdict.status == 1
    assert f"manifest.json is signed with another key: {thief.public.hex()}" in verdict.text
    verdict = verified(folder)
    assert "checkpoint 1 is signed with the key" in verdict.text
    # Even who holds the portal's key now cannot take back what a checkpoint said.
    signed_anew(folder, ours, **changes)
    verdict = verified(folder, "--key", ours.public.hex())
    assert verdict.status == 1
    assert f"- plan:{plan.pk} ends at no. " in verdict.text
    assert "; a checkpoint knows no. " in verdict.text


def test_a_stream_removed_with_a_manifest_made_anew(folder: Path, plan: Plan) -> None:
    drop(folder, f"plan:{plan.pk}", tail=False)
    streams = [one for one in manifest_of(folder)["streams"] if one["stream"] != f"plan:{plan.pk}"]  # type: ignore[attr-defined]
    signed_anew(folder, own_key(), streams=streams, events=sum(one["count"] for one in streams))
    verdict = verified(folder)
    assert (verdict.status, verdict.text) == (
        1,
        f"NOT SOUND\n- a checkpoint names what the export does not have: plan:{plan.pk}\n",
    )


def test_a_checkpoint_removed(folder: Path) -> None:
    path = folder / "checkpoints.jsonl"
    path.write_bytes(lines_of(path)[1])
    signed_anew(folder, own_key())
    assert "checkpoint 1: in its place stands 2" in verified(folder).text
    path.write_bytes(b"")
    signed_anew(folder, own_key())
    assert "checkpoint 0 is the last; the manifest says otherwise" in verified(folder).text


def test_another_table_than_the_events(folder: Path) -> None:
    path = folder / "events.csv"
    path.write_bytes(path.read_bytes().replace(b"WITHDRAWN", b"COMPLETED", 1))
    signed_anew(folder, own_key())
    verdict = verified(folder)
    assert verdict.status == 1
    assert "- events.csv says otherwise than events.jsonl line " in verdict.text


def test_a_changed_record_is_exported_as_it_is_and_not_sound(
    plan: Plan, auditor: User, committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    with psycopg.connect(committed_db.dsn("superuser")) as session:
        session.execute("ALTER TABLE ledger_event DISABLE TRIGGER ALL")
        session.execute("UPDATE ledger_event SET body = replace(body, 'WITHDRAWN', 'COMPLETED')")
    export(to=tmp_path / "export", by=auditor, wall_at=timezone.now())
    verdict = verified(tmp_path / "export")
    assert verdict.status == 1
    assert f"- plan:{plan.pk} no. " in verdict.text
    assert " is not what was sealed" in verdict.text


def test_keys_are_spelled_in_one_way(folder: Path) -> None:
    assert verified(folder, "--key", own_key().public.hex().upper()).status == 2
    assert verified(folder, "--key", "ab").status == 2
