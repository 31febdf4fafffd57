//! The store's contract, held against every kind of store; and what the file-backed one promises beyond it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, a panic is how a failure is told")]

mod backing_up;
mod commands;
mod copying;
mod crash;
mod cut;
mod damage;
mod feed;
mod file;
mod format;
mod format_2;
mod format_3;
mod format_4;
mod nodes;
mod program;
mod random;
mod sample;
#[path = "../postgres/server.rs"]
mod server;
mod shared;
mod shown;
mod tls;
mod unreadable;
mod warned;

mod claims {
    pub mod activity;
    pub mod atomic;
    pub mod bookmarks;
    pub mod counting;
    pub mod inviting;
    pub mod linking;
    pub mod managing;
    pub mod moving;
    pub mod operating;
    pub mod people;
    pub mod recovering;
    pub mod registering;
    pub mod sweeping;
    pub mod tokens;
    pub mod upkeep;
}

/// Runs each claim against each store.
macro_rules! contract {
    ($($of:ident { $($claim:ident)* })*) => {
        mod memory {
            use bmauth::store::memory::MemoryStore;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    crate::claims::$of::$claim(std::sync::Arc::new(MemoryStore::new())).await;
                }
            )*)*
        }

        mod redb {
            use bmauth::store::redb::RedbStore;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    let directory = tempfile::tempdir().unwrap();
                    let store = RedbStore::open(&directory.path().join("bmauth.redb")).unwrap();
                    crate::claims::$of::$claim(std::sync::Arc::new(store)).await;
                }
            )*)*
        }

        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    crate::claims::$of::$claim(std::sync::Arc::new(crate::shared::store().await)).await;
                }
            )*)*
        }
    };
}

contract! {
    people {
        what_was_never_added_is_not_there
        an_account_is_found_by_id_and_by_address
        accounts_are_listed_by_address_from_where_the_last_list_ended
        an_account_id_is_used_once
        an_address_has_one_account
        a_passkey_needs_its_account
        a_credential_id_is_used_once_over_all_accounts
        passkeys_are_listed_oldest_first_for_their_account_only
        a_used_passkey_has_its_new_counter_and_time
        a_passkey_used_meanwhile_is_not_used_again
        an_account_keeps_what_its_owner_said_of_themselves
        a_session_reads_as_it_was_added
        a_session_without_a_passkey_needs_its_account_only
        sessions_are_listed_newest_first_for_their_account_only
        a_session_needs_its_account
        a_disabled_account_gets_no_session
        a_session_needs_a_passkey_of_its_own_account
        an_ended_session_is_gone_and_ending_it_again_is_fine
        last_use_moves_forward_only_and_ended_sessions_stay_ended
    }
    bookmarks {
        a_bookmark_is_found_by_its_name_and_swept_when_its_time_is_over
        a_bookmark_from_the_future_is_removed
    }
    moving {
        a_move_reads_as_it_was_put_and_an_account_has_one
        a_move_goes_on_from_what_was_read_only
        of_many_that_change_a_move_one_does
        only_one_that_waits_for_its_code_is_dropped_as_such
        an_address_that_is_kept_is_reserved_until_its_time_is_over
        an_account_gets_another_address_where_it_is_free_and_as_it_was_read
        an_account_with_a_hold_is_told_from_one_without
        what_a_person_says_of_themselves_is_said_anew
        a_move_is_swept_when_its_time_is_over_and_goes_with_its_account
        what_is_new_of_the_account_page_reads_as_it_was_added
    }
    inviting {
        an_invitation_is_found_by_its_address_and_made_anew
        invitations_are_listed_by_address_from_where_the_last_list_ended
        an_invitation_is_used_once_and_only_as_it_was_read
        an_invitation_is_taken_back_where_there_is_one
        an_address_with_an_account_is_not_invited
    }
    registering {
        a_ceremony_reads_as_it_was_added
        a_ceremony_is_spent_once
        a_browser_has_one_registration
        the_registrations_of_an_address_are_found_from_any_browser
        what_was_said_at_the_beginning_of_a_registration_stays_while_codes_are_tried_and_replaced
        a_registration_reads_as_it_was_put
        a_registration_advances_from_the_revision_before_it_alone
        a_registration_is_spent_once_and_only_in_its_revision
        a_registration_is_dropped_whatever_became_of_it_and_no_other_is
        a_proved_address_drops_its_registrations_and_no_others
        a_browser_that_took_another_address_is_not_dropped_with_the_first
    }
    managing {
        ending_the_sessions_of_an_account_ends_those_and_no_others
        one_session_can_be_left_when_the_others_end
        a_recovery_is_reviewed_where_it_is_still_as_it_was_read
        a_session_is_bound_to_one_host
        a_family_ends_whichever_of_it_does
        a_member_is_released_alone
        a_family_stays_whole_when_the_others_end
        a_member_is_of_a_head_of_its_account_that_has_not_ended
        members_are_idle_when_their_head_is
        links_that_an_account_offers_or_has_approved_are_dropped_together
        a_passkey_is_renamed_by_its_own_account_only
        a_removed_passkey_ends_exactly_its_sessions
        no_account_removes_the_passkey_of_another
        the_last_passkey_of_an_account_is_removed_only_on_purpose
        passkeys_removed_at_the_same_time_leave_one
        a_removed_passkey_can_be_any_accounts_later
        disabling_an_account_ends_its_sessions_and_enabling_it_brings_none_back
        groups_are_changed_from_those_that_were_read_only
        a_session_without_a_passkey_is_tied_once_to_one_of_its_account
        a_tied_session_ends_with_its_passkey_and_an_untied_one_with_none
        a_required_passkey_must_be_there_and_be_the_accounts
        what_takes_an_account_without_a_passkey_is_done_once
        a_required_session_must_not_have_ended
        an_account_has_room_up_to_its_limit
        parallel_devices_do_not_share_the_last_room
        a_removed_account_leaves_nothing_and_takes_nothing_of_others
    }
    linking {
        a_link_is_found_by_name_and_by_either_code
        no_code_leads_to_two_links
        a_link_goes_on_from_the_revision_before_only
        the_last_revision_there_is_has_no_next
        a_link_keeps_its_codes
        a_link_is_spent_once_and_only_in_its_revision
        one_of_many_parallel_answers_to_a_link_wins
        one_of_many_parallel_devices_finishes_a_link
    }
    recovering {
        a_recovery_reads_as_it_was_put
        a_browser_has_one_recovery
        the_recoveries_of_an_account_are_found_from_any_browser
        the_recoveries_of_an_account_go_together_and_no_others
        the_recoveries_for_an_address_are_found_whether_or_not_it_has_an_account
        disabling_an_account_takes_away_what_would_let_a_person_in_later
        a_recovery_goes_on_from_the_revision_before_only
        a_recovery_is_spent_once_and_only_in_its_revision
        parallel_tries_of_a_recovery_are_counted_exactly
        an_account_has_one_hold
        a_hold_needs_its_account
        a_hold_is_spent_once_and_only_by_its_name
        a_hold_is_either_cancelled_or_finished
    }
    activity {
        an_event_reads_as_it_was_added
        the_newest_events_come_first_for_their_account_only
        of_events_of_one_second_the_later_name_comes_first
        an_event_of_an_account_that_is_gone_is_passed_over
    }
    counting {
        a_counter_stops_at_its_limit
        a_counter_starts_again_when_its_window_is_over
        a_window_does_not_move_while_it_runs
        a_window_that_began_in_the_future_is_none
        counters_do_not_touch_each_other
        a_limit_of_none_lets_nothing_through
        parallel_tries_of_a_registration_are_counted_exactly
        parallel_counts_stop_exactly_at_the_limit
        one_of_many_parallel_answers_spends_a_ceremony
        one_of_many_parallel_registrations_gets_the_address
    }
    atomic {
        a_commit_that_conflicts_leaves_nothing
        a_later_change_sees_the_earlier_ones_of_its_commit
        what_a_commit_took_away_is_gone_for_its_later_changes
        no_change_leaves_anything_where_a_later_one_conflicts
        the_first_conflict_is_told
        a_whole_registration_is_one_commit
        parallel_commits_are_all_kept
    }
    operating {
        an_operators_code_needs_its_account_and_reads_as_it_was_put
        a_new_operators_code_takes_the_place_of_the_one_before
        an_operators_code_is_spent_once
        an_operators_code_goes_with_its_time_and_with_its_account
    }
    sweeping {
        a_sweep_removes_what_has_expired_and_nothing_else
        holds_and_events_are_swept_when_their_time_is_over
        old_and_unused_sessions_are_swept
        sessions_that_are_old_and_unused_do_not_hide_one_that_is_only_unused
        a_sweep_stays_within_its_limit_and_comes_to_an_end
        a_swept_counter_would_have_started_again_anyway
        what_was_prolonged_is_not_swept
        what_is_from_the_future_is_set_back_or_removed
    }
    tokens {
        tokens_are_found_by_their_session_and_by_each_of_them
        tokens_need_their_session
        a_session_has_one_family_of_tokens
        tokens_go_on_from_the_revision_before_only
        no_refresh_token_leads_to_two_sessions
        a_token_that_its_family_has_forgotten_leads_nowhere
        tokens_go_with_their_session_however_it_ends
        swept_sessions_take_their_tokens_along
        a_session_begun_anew_has_no_tokens
        what_changes_a_session_leaves_its_tokens
        one_of_many_parallel_refreshes_wins
        tokens_are_required_in_one_state
        tokens_of_an_ended_session_do_not_go_on
    }
    upkeep {
        letters_come_when_they_are_due_longest_due_first
        a_letter_reads_as_it_was_added
        a_delayed_letter_counts_its_failure_and_comes_later
        a_dropped_letter_is_not_delayed_back
        what_happens_together_is_told_by_two_letters
        a_gathering_letter_that_is_being_sent_gathers_no_more
        a_gathering_letter_that_was_read_before_it_had_to_tell_is_not_sent_as_it_was
        the_master_secret_is_set_once
        the_first_rp_id_that_is_noted_stays
        passkeys_are_locked_out_by_every_rp_id_but_their_own
        of_several_that_would_send_a_letter_one_does
        of_several_that_would_change_the_keys_one_does
        signing_keys_are_listed_oldest_first_replaced_and_dropped
        a_fresh_store_is_ready
    }
}
