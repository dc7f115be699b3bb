/* SPDX-License-Identifier: MIT */
/*
 * Stretches that are reserved: what is free in them, and what becomes free, is kept for one caller.
 *
 * A frame that is kept is not free in the bitmap, so that no search finds it, and has a bit in a bitmap of its
 * own, so that it is known to be nobody's when a stretch is given up. Reservations are few and short: they
 * are a list, and without one a free costs a look at its head.
 */
#include "zone/bitmap.h"
#include "zone/reserve.h"
#include "zone/zone.h"

static uint64_t kept_in(const struct balloon_zone *zone, uint32_t word)
{
	return BALLOON_READ(zone->kept[word]);
}

/* The bits of a word that lie in a reservation. */
static uint64_t covers(
	const struct balloon_zone *zone, const struct balloon_zone_reservation *r, uint32_t word)
{
	uint32_t begin = r->first.index - zone->first;
	uint32_t end = begin + r->n_frames;
	uint32_t low = word * WORD_BITS;
	if (begin > low + (WORD_BITS - 1) || end <= low)
		return 0;
	uint32_t from = begin > low ? begin - low : 0;
	uint32_t to = end - low < WORD_BITS ? end - low : WORD_BITS;
	return word_mask(from, to - from);
}

uint64_t balloon_zone_keep(struct balloon_zone *zone, uint32_t word, uint64_t bits)
{
	struct balloon_zone_reservation *r = BALLOON_READ(zone->reservations);
	for (; r && bits; r = BALLOON_READ(r->next)) {
		uint64_t mine = covers(zone, r, word) & bits;
		BALLOON_WRITE(zone->kept[word], kept_in(zone, word) | mine);
		BALLOON_ADD(r->n_missing, -word_count(mine));
		bits &= ~mine;
	}
	return bits;
}

static bool is_kept(const struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	for (uint32_t piece; n > 0; frame += piece, n -= piece)
		if (zone_piece(frame, n, &piece) & kept_in(zone, frame / WORD_BITS))
			return true;
	return false;
}

bool balloon_zone_give_or_keep(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	if (!BALLOON_READ(zone->reservations))
		return balloon_zone_give_used(zone, frame, n);
	if (!balloon_zone_range_is_used(zone, frame, n) || is_kept(zone, frame, n))
		return false;
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint64_t bits = zone_piece(frame, n, &piece);
		bits = balloon_zone_keep(zone, frame / WORD_BITS, bits);
		balloon_zone_give(zone, frame / WORD_BITS, bits);
	}
	return true;
}

static bool overlaps(
	const struct balloon_zone_reservation *a, struct balloon_page first, uint32_t n)
{
	return first.index < a->first.index + a->n_frames && a->first.index < first.index + n;
}

/* Is any of it reserved already? */
static bool is_reserved(const struct balloon_zone *zone, struct balloon_page first, uint32_t n)
{
	const struct balloon_zone_reservation *r = BALLOON_READ(zone->reservations);
	while (r && !overlaps(r, first, n))
		r = BALLOON_READ(r->next);
	return r != NULL;
}

/* What is free in the stretch becomes its own. */
static void keep_free(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t word = frame / WORD_BITS;
		uint64_t bits = zone_piece(frame, n, &piece) & zone_word(&zone->tiers[0], word);
		balloon_zone_take(zone, word, bits);
		balloon_zone_keep(zone, word, bits);
	}
}

int balloon_zone_reserve(struct balloon_zone *zone, struct balloon_zone_reservation *reservation,
	struct balloon_page first, uint32_t n_frames)
{
	uint32_t frame;
	int result = balloon_zone_check_range(zone, first, n_frames, &frame);
	if (!reservation)
		return -EINVAL;
	if (result < 0)
		return result;
	balloon_lock_acquire(&zone->lock);
	if (is_reserved(zone, first, n_frames)) {
		result = -EBUSY;
	} else {
		*reservation =
			(struct balloon_zone_reservation){.next = BALLOON_READ(zone->reservations),
				.first = first,
				.n_frames = n_frames,
				.n_missing = n_frames};
		BALLOON_WRITE(zone->reservations, reservation);
		keep_free(zone, frame, n_frames);
	}
	balloon_lock_release(&zone->lock);
	return result;
}

/* Off the list. Returns false: it is not there. */
static bool unlink(struct balloon_zone *zone, struct balloon_zone_reservation *reservation)
{
	struct balloon_zone_reservation **link = &zone->reservations;
	while (BALLOON_READ(*link) && BALLOON_READ(*link) != reservation)
		link = &BALLOON_READ(*link)->next;
	if (!BALLOON_READ(*link))
		return false;
	BALLOON_WRITE(*link, BALLOON_READ(reservation->next));
	return true;
}

/* Its frames are not kept any more: in use from now on, or free. */
static void let_go(
	struct balloon_zone *zone, const struct balloon_zone_reservation *reservation, bool to_free)
{
	uint32_t frame = reservation->first.index - zone->first;
	uint32_t n = reservation->n_frames;
	for (uint32_t piece; n > 0; frame += piece, n -= piece) {
		uint32_t word = frame / WORD_BITS;
		uint64_t bits = zone_piece(frame, n, &piece) & kept_in(zone, word);
		BALLOON_WRITE(zone->kept[word], kept_in(zone, word) & ~bits);
		if (to_free)
			balloon_zone_give(zone, word, bits);
	}
}

int balloon_zone_missing(
	struct balloon_zone *zone, const struct balloon_zone_reservation *reservation)
{
	if (!zone || !reservation)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	uint32_t n_missing = BALLOON_READ(reservation->n_missing);
	balloon_lock_release(&zone->lock);
	return (int)n_missing;
}

int balloon_zone_take_reserved(
	struct balloon_zone *zone, struct balloon_zone_reservation *reservation)
{
	int result = 0;
	if (!zone || !reservation)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	if (BALLOON_READ(reservation->n_missing) > 0)
		result = -EAGAIN;
	else if (!unlink(zone, reservation))
		result = -EINVAL;
	else
		let_go(zone, reservation, false);
	if (result == 0)
		zone_counted(zone, true);
	balloon_lock_release(&zone->lock);
	return result;
}

int balloon_zone_unreserve(struct balloon_zone *zone, struct balloon_zone_reservation *reservation)
{
	if (!zone || !reservation)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	bool is_ours = unlink(zone, reservation);
	if (is_ours)
		let_go(zone, reservation, true);
	balloon_lock_release(&zone->lock);
	return is_ours ? 0 : -EINVAL;
}

/* ---- Fork ------------------------------------------------------------------------------------ */

void balloon_zone_before_fork(struct balloon_zone *zone)
{
	if (zone)
		balloon_lock_before_fork(&zone->lock);
}

/* Reservations lie in frames of threads that the child has not. */
void balloon_zone_after_fork(struct balloon_zone *zone, bool is_child)
{
	if (!zone)
		return;
	balloon_lock_after_fork(&zone->lock, is_child);
	if (!is_child)
		return;
	balloon_lock_acquire(&zone->lock);
	while (BALLOON_READ(zone->reservations)) {
		const struct balloon_zone_reservation *reservation =
			BALLOON_READ(zone->reservations);
		BALLOON_WRITE(zone->reservations, BALLOON_READ(reservation->next));
		let_go(zone, reservation, true);
	}
	balloon_lock_release(&zone->lock);
}
