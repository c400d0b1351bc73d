"""Each row of "When something is down" in docs/operating.md is tried by the tests named here, and what the row names is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

from tests.scenarios.named import is_there

HEADING: Final = "## When something is down"
ROWS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "the hub does not answer, or hangs": (
            "down/test_processes_go_on.py::test_a_hub_that_hangs_and_one_that_is_gone_hold_up_no_other_and_nothing_is_lost",
            "scenarios/test_s15_slow_partner.py::test_s15_an_apprec_that_the_hub_took_without_our_knowing_is_there_once",
            "usecases/test_worker.py::test_a_hub_that_hangs_holds_up_no_other",
        ),
        "a partner does not answer, hangs or hangs up": (
            "down/test_processes_go_on.py::test_a_partner_that_hangs_up_is_told_of_and_called_again_by_itself",
            "usecases/test_outage.py::test_a_partner_that_is_down_is_told_of_and_no_longer_when_it_is_back",
            "scenarios/test_s15_slow_partner.py::"
            "test_s15_a_fhir_partner_that_takes_all_and_answers_too_late_for_hours_has_each_task_once",
            "handover/test_outage.py::test_a_day_without_one_partner_costs_the_others_nothing_and_loses_nothing",
        ),
        "a partner answers with what it should not": (
            "handover/test_strange_answers.py::test_a_creation_that_is_answered_so_is_given_up_and_told",
            "handover/test_strange_answers.py::test_a_page_of_html_is_no_answer_and_is_told_when_it_lasts",
        ),
        "the endpoint of a subscription does not answer, hangs, or answers with a fault": (
            "following/test_trouble.py::test_what_is_down_is_tried_again_then_in_error_and_told_everything_when_it_is_back",
            "following/test_trouble.py::test_one_that_comes_back_by_itself_is_found",
            "console/test_subscriptions_page.py::test_an_operator_asks_an_endpoint_again_and_all_that_waited_is_told",
            "console/test_subscriptions_page.py::test_an_endpoint_that_is_away_disturbs_neither_readiness_nor_the_figures_of_others",
        ),
        "PostgreSQL is stopped, restarted or has crashed": ("down/test_processes_go_on.py::test_postgresql_restarts_under_load",),
        "PostgreSQL is down when a process starts": (
            "down/test_processes_go_on.py::test_a_process_that_starts_while_postgresql_is_down_says_so_and_ends",
        ),
        "PostgreSQL has no connection left": (
            "down/test_postgresql_out_of_reach.py::test_where_no_connection_is_left_it_is_told_and_over_when_one_is_free",
        ),
        "PostgreSQL is a standby": (
            "down/test_readiness.py::test_a_postgresql_that_is_down_or_a_standby_is_not_ready_and_ready_again_when_it_takes_writes",
        ),
        "the network to PostgreSQL swallows all": (
            "down/test_postgresql_out_of_reach.py::test_a_network_that_hangs_is_told_of_in_time_and_is_no_matter_when_it_is_mended",
            "down/test_postgresql_out_of_reach.py::test_the_kernel_is_asked_to_end_what_nobody_acknowledges",
        ),
        "SQLite's file is locked by another program": (
            "down/test_readiness.py::test_a_database_that_others_have_locked_is_not_ready_and_does_not_hold_up_the_answer",
            "down/test_readiness.py::test_while_others_have_the_database_locked_it_is_read_and_who_writes_is_asked_to_come_again",
        ),
        "the disk is full, read-only, or fails to sync": (
            "power/test_disk.py::test_what_cannot_be_kept_is_refused_and_comes_again",
            "down/test_readiness.py::test_a_database_that_is_full_is_not_ready_though_it_can_be_read",
        ),
        "the power goes": ("power/test_power.py::test_nothing_acknowledged_is_lost_when_the_power_is_cut",),
        "two services run on one SQLite file": ("power/test_two.py::test_two_services_on_one_file_do_each_message_once",),
        "the tables are of another version, or damaged": (
            "down/test_readiness.py::test_tables_of_another_version_are_not_ready",
            "scenarios/test_s17_upgrade_with_full_queues.py::test_readiness_tells_of_damage_done_meanwhile",
        ),
        "a worker dies": (
            "down/test_processes_go_on.py::"
            "test_without_a_worker_and_without_the_process_that_answers_messages_go_on_and_without_any_they_wait",
            "kill/test_kill.py::test_a_killed_service_loses_nothing_and_doubles_nothing",
        ),
        "every worker is down": (
            "down/test_processes_go_on.py::"
            "test_without_a_worker_and_without_the_process_that_answers_messages_go_on_and_without_any_they_wait",
        ),
        "the process that answers requests is down": (
            "down/test_processes_go_on.py::"
            "test_without_a_worker_and_without_the_process_that_answers_messages_go_on_and_without_any_they_wait",
        ),
        "a message ends every process that reads it": (
            "scenarios/test_s16_poison.py::test_s16_a_message_that_ends_the_process_is_set_aside_and_the_others_get_through",
            "scenarios/test_s16_poison.py::test_s16_what_was_set_aside_unread_is_kept_and_taken_through_when_a_person_says_so",
        ),
        "the token issuer of those who come": (
            "security/test_tokens_in.py::test_while_the_issuer_is_down_its_known_keys_count_for_three_days_more",
            "security/test_tokens_in.py::test_without_any_key_it_is_our_failure_and_the_issuer_is_asked_again_soon",
        ),
        "the token issuer of those whom we call": (
            "down/test_token_issuer.py::test_a_hub_whose_token_issuer_is_down_pauses_with_the_issuer_in_its_words",
            "down/test_token_issuer.py::test_what_is_for_a_partner_waits_with_the_issuer_in_its_words",
            "security/test_tokens_out.py::test_what_an_issuer_does_wrong_is_tried_again_and_quotes_nothing",
            "security/test_tokens_out.py::test_a_token_is_bound_to_a_proof_on_every_call_and_reused_until_it_is_about_to_end",
        ),
        "the clock is wrong, or is set": (
            "scenarios/test_s20_clock_jumps.py::test_s20_a_lease_ends_though_the_clock_is_set_while_it_runs",
            "scenarios/test_s20_clock_jumps.py::test_s20_what_a_clock_years_ahead_put_off_or_held_does_not_wait_for_that_year",
        ),
        "a hub, a partner or an organisation is taken out of the configuration while something waits for it": (
            "scenarios/test_s13_configuration_changed.py::"
            "test_s13_what_waits_for_a_hub_that_is_gone_is_told_and_leaves_when_it_is_back",
            "scenarios/test_s13_configuration_changed.py::"
            "test_s13_what_waits_for_a_partner_or_an_organisation_that_is_gone_is_told",
        ),
    }
)


def table(root: Path) -> dict[str, list[str]]:
    """The rows, by what is down."""
    section = (root / "docs" / "operating.md").read_text("utf-8").partition(HEADING)[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line.startswith("| ")]
    return {first.lstrip("| "): rest for first, *rest in cells[1:]}


def test_every_row_is_tried_and_nothing_is_tried_that_has_no_row(root: Path) -> None:
    assert list(table(root)) == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_what_tries_a_row_is_there(root: Path, row: str) -> None:
    assert ROWS[row]
    assert [test for test in ROWS[row] if not is_there(root, test)] == []


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_happens_and_how_it_recovers_in_names_that_the_page_explains(root: Path, row: str) -> None:
    happens, shows, recovers = table(root)[row]
    assert happens
    assert recovers
    page = (root / "docs" / "operating.md").read_text("utf-8")
    named = re.findall(r"`((?:stafett_\w+)|(?:\w+\.\w+))`", f"{happens} {shows} {recovers}")
    assert [name for name in named if f"| `{name}`" not in page] == []
