"""The named scenarios: faults that other systems have had, each with the tests that show that ours has it not.

| Number | What happens |
|---|---|
| S1–S7 | a message and its receipts, as HITS 1171:2017 chapter 9 has them for ebXML, here over REST (see below) |
| S8–S11 | killed: between effect and confirmation, before a partner answers, while a retry is scheduled; recovery amid traffic |
| S12 | a large backlog, within memory |
| S13 | the configuration is changed while messages wait |
| S14 | one more than a limit |
| S15 | a slow partner, whose AppRec comes after its time-out |
| S16 | poison at the head of the queue |
| S17 | an upgrade with full queues, and back |
| S18 | the token issuer is down for hours; revocation lists and an address register are never asked |
| S19 | keys are changed while the old ones are in use; certificates are HelseID's and the hub's, not ours |
| S20 | disk full, read-only, the clock jumps, the nights when the clocks change |
| S21 | two instances on one database |
| S22 | restored from an older copy |
| S23 | a partner that answers with garbage, fails after it has done what it was asked, hangs, or hangs up amid its answer |
| S24 | a signature is never relied on: that it was not verified is told, and where the configuration says so it is refused |

S1–S7: it goes well; its sending is not acknowledged; no AppRec comes in time (9.3); the AppRec is negative; an AppRec answers
nothing of ours; the message comes again (9.6); it cannot be read. Our sources name 9.3 and 9.6; the order of the others is ours.

`PROVED` names the tests; `test_index` sees that each is there. B048 is `test_b048_two_workers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ANSWERED: Final = "usecases/test_answer_referrer.py::"
BAD: Final = "usecases/test_bad_messaging.py::"
DOWN: Final = "down/test_processes_go_on.py::"
HERE: Final = "scenarios/"

PROVED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "S1": ("usecases/test_worker.py::test_a_message_is_kept_confirmed_and_answered_in_one_round",),
        "S2": (f"{HERE}test_s15_slow_partner.py::test_s15_an_apprec_that_the_hub_took_without_our_knowing_is_there_once",),
        "S3": (f"{ANSWERED}test_silence_waits_for_a_person_after_96_hours_and_a_late_apprec_counts",),
        "S4": (f"{ANSWERED}test_a_rejection_waits_for_a_person_and_the_answer_can_be_told_anew",),
        "S5": (f"{BAD}test_b049_an_apprec_for_an_unknown_message_is_kept_as_an_orphan_and_never_answered",),
        "S6": (
            f"{BAD}test_b045_a_new_hub_id_for_a_known_message_has_no_effect_and_no_second_apprec",
            f"{BAD}test_b044_the_same_delivery_ten_times_has_one_effect_and_one_apprec",
        ),
        "S7": ("usecases/test_receive.py::test_an_unreadable_message_is_answered_from_the_metadata",),
        "S8": (
            f"{HERE}test_s08_killed_before_the_hub_is_told.py::"
            "test_s08_what_is_killed_between_effect_and_confirmation_has_its_effect_once",
        ),
        "S9": (
            f"{HERE}test_s09_killed_before_the_partner_answers.py::"
            "test_s09_what_is_killed_before_the_partner_answers_stands_there_once",
        ),
        "S10": (
            f"{HERE}test_s10_killed_while_a_retry_is_scheduled.py::"
            "test_s10_an_apprec_that_could_not_leave_leaves_later_wherever_the_process_ended",
            f"{HERE}test_s10_killed_while_a_retry_is_scheduled.py::"
            "test_s10_a_message_that_a_fault_of_ours_stopped_is_tried_again_wherever_the_process_ended",
        ),
        "S11": (
            f"{HERE}test_s11_recovery_amid_traffic.py::"
            "test_s11_what_a_dead_process_left_goes_out_amid_the_traffic_once_and_in_order",
        ),
        "S12": (f"{HERE}test_s12_large_backlog.py::test_s12_a_large_backlog_is_taken_up_within_little_memory",),
        "S13": (
            f"{HERE}test_s13_configuration_changed.py::"
            "test_s13_what_is_tried_again_by_itself_opens_what_it_would_have_opened_when_it_came",
            f"{HERE}test_s13_configuration_changed.py::test_s13_what_is_done_stays_as_it_was_done",
            f"{HERE}test_s13_configuration_changed.py::"
            "test_s13_what_waits_for_a_hub_that_is_gone_is_told_and_leaves_when_it_is_back",
        ),
        "S14": (
            f"{HERE}test_s14_one_more_than_the_limit.py::"
            "test_s14_of_a_hubs_messages_the_one_after_its_page_is_received_and_answered",
            f"{BAD}test_b056_of_1001_undelivered_messages_the_last_is_delivered_too",
        ),
        "S15": (
            f"{HERE}test_s15_slow_partner.py::"
            "test_s15_what_is_never_acknowledged_is_sent_a_bounded_number_of_times_with_the_same_bytes",
            f"{HERE}test_s15_slow_partner.py::test_s15_an_apprec_after_its_96_hours_still_counts_and_nothing_is_sent_again",
        ),
        "S16": (
            f"{HERE}test_s16_poison.py::test_s16_a_message_that_ends_the_process_is_set_aside_and_the_others_get_through",
            f"{BAD}test_b055_a_message_that_always_fails_is_tried_three_times_and_the_others_go_on",
        ),
        "S17": (
            f"{HERE}test_s17_upgrade_with_full_queues.py::test_what_waited_leaves_once_after_an_upgrade_that_was_killed_twice",
            f"{HERE}test_s17_upgrade_with_full_queues.py::test_going_back_is_the_backup_from_before_the_upgrade",
        ),
        "S18": (
            "security/test_tokens_in.py::test_while_the_issuer_is_down_its_known_keys_count_for_three_days_more",
            "security/test_tokens_out.py::test_what_an_issuer_does_wrong_is_tried_again_and_quotes_nothing",
        ),
        "S19": ("security/test_issuer.py::test_keys_are_changed_while_we_run_and_no_token_is_missing_for_a_moment",),
        "S20": (
            "power/test_disk.py::test_what_cannot_be_kept_is_refused_and_comes_again",
            f"{HERE}test_s20_clock_jumps.py::test_s20_a_lease_ends_though_the_clock_is_set_while_it_runs",
            f"{HERE}test_s20_clock_jumps.py::test_s20_a_limit_is_right_in_the_nights_when_the_clocks_change",
        ),
        "S21": (
            "power/test_two.py::test_two_services_on_one_file_do_each_message_once",
            f"{DOWN}test_postgresql_restarts_under_load",
            f"{HERE}test_b048_two_workers.py::test_b048_two_workers_that_both_have_a_message_have_one_effect",
        ),
        "S22": (f"{HERE}test_s22_restore.py::test_s22_a_restore_from_an_older_copy_loses_nothing_and_doubles_nothing",),
        "S23": (
            "handover/test_strange_answers.py::test_a_page_of_html_is_no_answer_and_is_told_when_it_lasts",
            "partners/test_client_contract.py::test_the_same_bytes_after_an_answer_that_was_lost_make_no_second",
            "partners/test_server.py::test_however_the_line_breaks_it_is_tried_again",
        ),
        "S24": (
            "bad_inputs/test_signature.py::test_the_message_is_taken_its_bytes_kept_and_the_signature_said_to_be_unverified",
            "bad_inputs/test_signature.py::test_it_is_refused_where_the_installation_says_so",
        ),
    }
)
