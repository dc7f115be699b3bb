/* SPDX-License-Identifier: MIT */
/*
 * What the host refused: set aside, so that everything else goes on, and tried again ever more rarely.
 *
 * A frame that was not taken is kept from the source, which would give it to the next fill. A page that was
 * not given back is in the balloon, or the quarantine, again; the driver isolates it there, so that no
 * leak gets it first, and ends its membership when it is to be asked for again. There is room for so many;
 * what is refused beyond is treated as if it had not been, and may be asked again at once.
 */
#include "core/probe.h"
#include "driver/batch.h"
#include "driver/refusals.h"
#include "driver/state.h"

/*
 * Doubled so often. A frame stays away for longer than the fills of a host that refuses wait between two
 * tries: a source that gives first what was freed last would else give the same frame to every try.
 */
enum { PAGE_TIMES_MAX = 8, FRAME_TIMES_MAX = 14 };

static struct refusal *find(struct driver_state *state, struct balloon_page page)
{
	uint32_t n = BALLOON_READ(state->n_refusals);
	for (uint32_t i = 0; i < n; i++)
		if (BALLOON_READ(state->refusals[i].what.page.index) == page.index)
			return &state->refusals[i];
	return NULL;
}

/* An entry for a page: its own, a new one, or that of a page that is not held any more. NULL. */
static struct refusal *entry_for(struct driver_state *state, struct balloon_page page)
{
	struct refusal *entry = find(state, page);
	uint32_t n = BALLOON_READ(state->n_refusals);
	if (entry)
		return entry;
	if (n < BALLOON_REFUSALS_MAX) {
		BALLOON_WRITE(state->n_refusals, n + 1);
		entry = &state->refusals[n];
	}
	for (uint32_t i = 0; i < n && !entry; i++)
		if (!BALLOON_READ(state->refusals[i].is_held))
			entry = &state->refusals[i];
	if (entry)
		BALLOON_WRITE(entry->what.n_times, 0);
	return entry;
}

/* The caller has the lock. Returns false: there is no room. */
static bool remember(
	struct driver_state *state, struct balloon_page page, enum refusal_kind kind, int error)
{
	struct refusal *entry = entry_for(state, page);
	if (!entry || BALLOON_READ(entry->is_held))
		return false;
	uint64_t retry_ns = BALLOON_READ(state->tuning.retry_ns);
	uint32_t n_times = BALLOON_READ(entry->what.n_times);
	uint32_t power_max = kind == REFUSED_FRAME ? FRAME_TIMES_MAX : PAGE_TIMES_MAX;
	uint32_t power = n_times < power_max ? n_times : power_max;
	uint64_t for_ns = times_two_to(retry_ns, power);
	struct refusal value = {
		.what = {.page = page,
			.kind = kind == REFUSED_FRAME ? BALLOON_REQUEST_INFLATE
						      : BALLOON_REQUEST_DEFLATE,
			.error = error,
			.n_times = n_times + 1,
			.retry_at_ns = time_after(balloon_platform_now_ns(), for_ns)},
		.kind = kind,
		.is_held = true};
	BALLOON_WRITE(*entry, value);
	return true;
}

static enum refusal_kind kind_of(
	const struct balloon_driver *driver, const struct balloon_device *device)
{
	return device == driver->quarantine ? REFUSED_QUARANTINED : REFUSED_PAGE;
}

bool refusals_set_frame_aside(struct balloon_driver *driver, struct balloon_batch *batch,
	struct balloon_page page, int error)
{
	BALLOON_PROBE(driver__refused, driver, page.index, 1, error);
	struct driver_state *state = driver_lock(driver);
	bool is_kept = BALLOON_READ(batch->life.route) == ROUTE_FILL &&
		       !BALLOON_READ(state->n_relieving) && !BALLOON_READ(state->is_attaching) &&
		       remember(state, page, REFUSED_FRAME, error);
	if (is_kept)
		batch_step(state, batch, LIFE_SET_ASIDE, 1);
	driver_unlock_and_wake(driver);
	return is_kept;
}

void refusals_set_page_aside(struct balloon_driver *driver, struct balloon_device *device,
	struct balloon_page page, int error)
{
	struct balloon_memmap *map = driver->config.map;
	BALLOON_PROBE(driver__refused, driver, page.index, 0, error);
	if (balloon_page_isolate(map, page) < 0)
		return; /* another leak has it already, or a migration */
	/* A migration may have moved it on, into the quarantine. */
	bool is_kept = balloon_page_device(map, page) == device;
	struct driver_state *state = driver_lock(driver);
	is_kept = is_kept && remember(state, page, kind_of(driver, device), error);
	driver_unlock(driver);
	if (!is_kept)
		balloon_page_putback(map, page);
}

uint64_t refusals_next_ns(const struct driver_state *state, enum refusal_kind kind)
{
	uint64_t at_ns = BALLOON_NEVER;
	uint32_t n = BALLOON_READ(state->n_refusals);
	for (uint32_t i = 0; i < n; i++) {
		const struct refusal *refusal = &state->refusals[i];
		if (BALLOON_READ(refusal->is_held) && BALLOON_READ(refusal->kind) == kind)
			at_ns = earlier(at_ns, BALLOON_READ(refusal->what.retry_at_ns));
	}
	return at_ns;
}

/*
 * One held entry of a kind whose time has come by until_ns. It stays on the list, not held, so that a page
 * that is refused again is known to have been. NULL.
 */
static struct refusal *take_entry(
	struct driver_state *state, enum refusal_kind kind, uint64_t until_ns)
{
	uint32_t n = BALLOON_READ(state->n_refusals);
	for (uint32_t i = 0; i < n; i++) {
		struct refusal *refusal = &state->refusals[i];
		if (!BALLOON_READ(refusal->is_held) || BALLOON_READ(refusal->kind) != kind ||
			BALLOON_READ(refusal->what.retry_at_ns) > until_ns)
			continue;
		BALLOON_WRITE(refusal->is_held, false);
		return refusal;
	}
	return NULL;
}

uint32_t refusals_release_frames(struct balloon_driver *driver, uint32_t n, uint64_t until_ns)
{
	uint32_t n_released = 0;
	while (n_released < n) {
		struct balloon_page page = {0};
		struct driver_state *state = driver_lock(driver);
		const struct refusal *entry = take_entry(state, REFUSED_FRAME, until_ns);
		if (entry) {
			page = BALLOON_READ(entry->what.page);
			BALLOON_ADD(state->counts.places[PLACE_SET_ASIDE], -UINT64_C(1));
		}
		driver_unlock(driver);
		if (!entry)
			break;
		driver_free(driver, &page, 1);
		n_released++;
	}
	return n_released;
}

/* A page that is the driver's, isolated. */
static bool take_page(struct balloon_driver *driver, enum refusal_kind kind, uint64_t until_ns,
	struct balloon_page *page)
{
	struct driver_state *state = driver_lock(driver);
	const struct refusal *entry = take_entry(state, kind, until_ns);
	if (entry)
		*page = BALLOON_READ(entry->what.page);
	driver_unlock(driver);
	return entry != NULL;
}

uint32_t refusals_take_pages(struct balloon_driver *driver, struct balloon_device *device,
	struct balloon_page *pages, uint32_t n, uint64_t until_ns)
{
	uint32_t n_taken = 0;
	while (n_taken < n && take_page(driver, kind_of(driver, device), until_ns, &pages[n_taken]))
		if (balloon_page_finalize(device, pages[n_taken]) == 0)
			n_taken++;
	return n_taken;
}

void refusals_put_back(struct balloon_driver *driver, uint64_t until_ns)
{
	struct balloon_page page;
	while (take_page(driver, REFUSED_PAGE, until_ns, &page))
		balloon_page_putback(driver->config.map, page);
}

void refusals_put_all_back(struct balloon_driver *driver)
{
	struct balloon_page page;
	refusals_put_back(driver, BALLOON_NEVER);
	while (take_page(driver, REFUSED_QUARANTINED, BALLOON_NEVER, &page))
		balloon_page_putback(driver->config.map, page);
}

int balloon_driver_refusals(
	struct balloon_driver *driver, struct balloon_refusal *refusals, size_t n_max)
{
	if (!driver || (!refusals && n_max > 0))
		return -EINVAL;
	uint32_t n_held = 0;
	struct driver_state *state = driver_lock(driver);
	state_enter(state, CALL_ANY);
	uint32_t n = BALLOON_READ(state->n_refusals);
	for (uint32_t i = 0; i < n; i++) {
		if (!BALLOON_READ(state->refusals[i].is_held))
			continue;
		if (n_held < n_max)
			refusals[n_held] = BALLOON_READ(state->refusals[i].what);
		n_held++;
	}
	state_leave(state, CALL_ANY);
	driver_unlock_left(driver);
	return (int)n_held;
}
