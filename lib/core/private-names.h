/* SPDX-License-Identifier: MIT */
/*
 * The static library shares its program's names: what files of ours share with each other has the prefix there,
 * too. A new one that is missing here turns tests/layers red.
 */
#ifndef BALLOON_CORE_PRIVATE_NAMES_H
#define BALLOON_CORE_PRIVATE_NAMES_H

#define acknowledgement_of       balloon_private_acknowledgement_of
#define batch_accepted           balloon_private_batch_accepted
#define batch_await              balloon_private_batch_await
#define batch_await_end_of_any   balloon_private_batch_await_end_of_any
#define batch_back_off           balloon_private_batch_back_off
#define batch_end                balloon_private_batch_end
#define batch_end_call           balloon_private_batch_end_call
#define batch_finish             balloon_private_batch_finish
#define batch_follow             balloon_private_batch_follow
#define batch_give_up            balloon_private_batch_give_up
#define batch_leave              balloon_private_batch_leave
#define batch_let_go             balloon_private_batch_let_go
#define batch_lock               balloon_private_batch_lock
#define batch_lock_by_design     balloon_private_batch_lock_by_design
#define batch_nap_ns             balloon_private_batch_nap_ns
#define batch_not_told           balloon_private_batch_not_told
#define batch_result             balloon_private_batch_result
#define batch_start              balloon_private_batch_start
#define batch_step               balloon_private_batch_step
#define batch_take               balloon_private_batch_take
#define batch_take_and_follow    balloon_private_batch_take_and_follow
#define batch_take_answer        balloon_private_batch_take_answer
#define batch_tell               balloon_private_batch_tell
#define channel_continue_ids     balloon_private_channel_continue_ids
#define channel_event_of         balloon_private_channel_event_of
#define channel_fail             balloon_private_channel_fail
#define channel_mark             balloon_private_channel_mark
#define channel_sleep_with_host  balloon_private_channel_sleep_with_host
#define channel_wake             balloon_private_channel_wake
#define channel_wake_sleepers    balloon_private_channel_wake_sleepers
#define driver_account           balloon_private_driver_account
#define driver_enter             balloon_private_driver_enter
#define driver_free              balloon_private_driver_free
#define driver_leave             balloon_private_driver_leave
#define driver_look_after        balloon_private_driver_look_after
#define driver_look_after_if_due balloon_private_driver_look_after_if_due
#define driver_moved             balloon_private_driver_moved
#define driver_unlock_after      balloon_private_driver_unlock_after
#define driver_unlock_and_wake   balloon_private_driver_unlock_and_wake
#define driver_unlock_left       balloon_private_driver_unlock_left
#define driver_wake_all          balloon_private_driver_wake_all
#define life_event_name          balloon_private_life_event_name
#define life_next                balloon_private_life_next
#define life_state_name          balloon_private_life_state_name
#define life_step                balloon_private_life_step
#define refusals_next_ns         balloon_private_refusals_next_ns
#define refusals_put_all_back    balloon_private_refusals_put_all_back
#define refusals_put_back        balloon_private_refusals_put_back
#define refusals_release_frames  balloon_private_refusals_release_frames
#define refusals_set_frame_aside balloon_private_refusals_set_frame_aside
#define refusals_set_page_aside  balloon_private_refusals_set_page_aside
#define refusals_take_pages      balloon_private_refusals_take_pages
#define state_await_lock         balloon_private_state_await_lock
#define state_can_lock           balloon_private_state_can_lock
#define state_enter              balloon_private_state_enter
#define state_expected           balloon_private_state_expected
#define state_halted             balloon_private_state_halted
#define state_held_off_until     balloon_private_state_held_off_until
#define state_hold_off           balloon_private_state_hold_off
#define state_is_at_rest         balloon_private_state_is_at_rest
#define state_leave              balloon_private_state_leave
#define state_lock_request       balloon_private_state_lock_request
#define state_look               balloon_private_state_look
#define state_mark               balloon_private_state_mark
#define state_note               balloon_private_state_note
#define state_unlock_request     balloon_private_state_unlock_request
#define state_wake_directions    balloon_private_state_wake_directions

#endif
