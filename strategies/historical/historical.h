/* SPDX-License-Identifier: MIT */
/*
 * Historical forms: strategies as they were, with the defects that history had. For the explorer and tests, never
 * installed. A form includes the source of the hardened strategy that the library has in its place, and says
 * anew what was different; so what it shows is the difference. What strategy.h does not know, because a strategy
 * here is whole, is said beside the table: the kernel around the form.
 */
#ifndef HISTORICAL_H
#define HISTORICAL_H

#include <stddef.h>

#include <balloon/list.h>
#include <balloon/strategy.h>

/** Of a descriptor or a device's area, for whoever shows a schedule. */
struct historical_field {
	size_t offset;
	const char *name; /* NULL after the last */
};

struct historical_form {
	const struct balloon_strategy *strategy; /* its name: that of the hardened one, '@', when */
	const char *hardened;
	/* A page that is in no balloon is somebody else's, who uses what the descriptor has for him; and is given
	 * back by him. Optional: he uses nothing that the balloon looks at. On maps of the hardened one, too. */
	void (*use)(struct balloon_memmap *map, struct balloon_page page);
	void (*end_use)(struct balloon_memmap *map, struct balloon_page page);
	const struct historical_field *descriptor_fields;
	const struct historical_field *device_fields;
	bool needs_lru; /* a scanner isolates only with the lock of the lists of ordinary pages (H-37) */
	bool is_drifting; /* whoever counts ballooned pages by zones is not told of migrations (H-31) */
};

extern const struct historical_form historical_page_lock_3_8;
extern const struct historical_form historical_mapcount_3_18_rc;
extern const struct historical_form historical_mapcount_3_18;
extern const struct historical_form historical_mapcount_4_5;
extern const struct historical_form historical_movable_5_3;
extern const struct historical_form historical_device_lock_7_0;
extern const struct historical_form historical_device_lock_naive;
extern const struct historical_form historical_device_lock_finalize_outside;

/* Of a table: what a form has from a strategy with a pages lock a device. */
#define HISTORICAL_COMMON                                                                          \
	.abi = BALLOON_STRATEGY_ABI, .descriptor_bytes = sizeof(struct descriptor),                \
	.descriptor_align = _Alignof(struct descriptor), .order = BALLOON_ORDER_LIFO,              \
	.device_bytes = device_bytes, .device_init = device_init, .device_fini = device_fini,      \
	.descriptor_init = descriptor_init, .descriptor_fini = descriptor_fini,                    \
	.device_open = device_open, .device_close = device_close, .device_stats = device_stats,    \
	.list_next = list_next

/* The same from one with a lock of the map. */
#define HISTORICAL_COMMON_OF_MAP                                                                   \
	.abi = BALLOON_STRATEGY_ABI, .descriptor_bytes = sizeof(struct descriptor),                \
	.descriptor_align = _Alignof(struct descriptor), .order = BALLOON_ORDER_LIFO,              \
	.memmap_bytes = memmap_bytes, .device_bytes = device_bytes, .memmap_init = memmap_init,    \
	.memmap_fini = memmap_fini, .device_init = device_init,                                    \
	.descriptor_init = descriptor_init, .descriptor_fini = descriptor_fini,                    \
	.device_open = device_open, .device_close = device_close, .device_stats = device_stats,    \
	.list_next = list_next

/* Of every descriptor that is on lists. */
#define HISTORICAL_LINK_FIELDS                                                                     \
	{offsetof(struct balloon_link, next), "next"},                                             \
	{                                                                                          \
		offsetof(struct balloon_link, previous), "previous"                                \
	}

/** The migration code takes the page for an ordinary one and puts it on the list of those that the kernel may
 * reclaim: through the link that a balloon's list uses. (simulation/explore/surroundings.c) */
void historical_put_on_lru(struct balloon_memmap *map, struct balloon_page page);

#endif
