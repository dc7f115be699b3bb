/* SPDX-License-Identifier: MIT */
/*
 * bitmap: no descriptors, no lists. A page is two bits, in words under sharded locks; no kernel has it.
 *
 * A group is as many adjacent pages as a word has bits. For each group there are pairs of words, `listed` and
 * `isolated`, side by side: a pair for each device slot where there are few of them, so that what is to be known
 * of a page lies in one line of the cache; else one pair for all devices, and the owner's slot of each page in one byte
 * or two. A page is OWNED where its bit is clear in all words of its group.
 *
 * Blocks of adjacent groups are dealt out to the shards in turn. What a shard's lock protects:
 *   words, owners          of its groups. Words are atomic, as scanners read them without (a hint);
 *   and for each device    the counts of what happened in the shard;
 *     summary              the groups that have a listed page of the device, one bit a group, with a bit above
 *                          for each word that is not zero, and above those: the next one is found in a few loads;
 *     cursor               the group from which dequeue goes on.
 *
 * Locks: the shards', all of one rank.
 *   insert, isolate,       what a batch names in one group is done at once. Who holds a shard only tries the next one;
 *   putback, finalize      if that is taken it lets all go and waits for this one, holding nothing.
 *   migrate                the shards of both pages, the lower one first; the same otherwise.
 *   dequeue                one shard after the other, each thread from another one on (the platform's hint). That there
 *                          is nothing it says only of a moment in which it holds all.
 *   open, close, counts    all, in ascending order.
 *
 * Why the contract holds
 *   I1  listed and the summary change in one hold of the shard's lock; a page is to be had by dequeue exactly if
 *       its listed bit is set.
 *   I2  the owner is the slot whose word has the bit, or the entry beside the pair, which is written in the
 *       hold that sets the bit.
 *   I3  the counts change in the same hold; a sum over shards is read under all locks.
 *   I4  isolate needs the listed bit and moves it in one hold: no second isolate finds it.
 *   I5  whoever takes a page clears its bit in the hold that finds it. Nobody writes a page's bits otherwise
 *       but together with its neighbours', and then puts back what is there.
 *   I6  membership ends by clearing the bit under the lock, and isolate tests under the lock.
 *   I7  follows from I3: every transition is counted once, in the shard of the page, a migration in the old one's.
 *   I8  there is no descriptor, no reference and no page lock: a page that is out has no bit.
 *   I9  a scanner reads words of the map, which live as long as it does.
 *   I10 what does not fit is found under the lock before anything of its group is written.
 * A device closes under all locks: an insert either comes before, and it is not empty, or finds it closed.
 *
 * Order: the locks' own pairs (sync.h, L1 to L5). A word that is read without the lock is a hint: relaxed.
 *
 * Deadlock: nobody waits while it holds a shard, but for the higher one of two, or for all in ascending order.
 *
 * Deviations: no kernel's. Pages leave in order of their addresses from the cursor on, not last in first out.
 *
 * Choose it for large balloons, for many threads, and where memory for descriptors is dear: a quarter of a byte
 * a page and device. A list gives back the page that is still in the cache; this one does not.
 */
#include <balloon/strategy.h>

/* Tests have maps of a few pages, and several shards on them. */
#ifndef BITMAP_GROUP_PAGES
#define BITMAP_GROUP_PAGES  (sizeof(uintptr_t) * 8)
#define BITMAP_BLOCK_GROUPS (512 / BITMAP_GROUP_PAGES)
#define BITMAP_SHARD_BLOCKS 4 /* a shard has at least as many */
#endif

enum {
	WORD_BITS = sizeof(uintptr_t) * 8,
	GROUP_PAGES = BITMAP_GROUP_PAGES,   /* no more than a word has bits */
	BLOCK_GROUPS = BITMAP_BLOCK_GROUPS, /* a power of two, as the other two are */
	SHARDS_MAX = 16,
	PAIRS_MAX = 4,    /* of a group; with more devices pages have an owner */
	PARTS_MAX = 1024, /* of all shards, a part a device: more devices, fewer shards */
	OWNERS_OF_A_BYTE = 256,
	N_LEVELS = 3,
};
#define NO_GROUP UINT32_MAX

/* Words of a group, for one device or for all. */
struct pair {
	struct balloon_atomic_word listed;
	struct balloon_atomic_word isolated;
};

/* A device's in a shard, followed by its summary. */
struct part {
	struct balloon_device_stats stats;
	uint32_t cursor; /* a group, as the shard counts them */
};

/* Followed by a part for each device. */
struct shard {
	BALLOON_ALIGNED struct balloon_lock lock;
};

/* Where all of it is; followed by the shards, the pairs, the owners. */
struct map_area {
	size_t shards_at; /* bytes from here on */
	size_t pairs_at;
	size_t owners_at;
	uint32_t n_pairs; /* of a group */
	uint32_t n_shards;
	uint32_t shard_shift; /* 2^shard_shift of them */
	uint32_t owner_bytes; /* 0: each device has a pair */
	uint32_t part_bytes;
	size_t shard_bytes;
	uint32_t n_words[N_LEVELS]; /* of a summary */
	uint32_t first_word[N_LEVELS];
};

/* ---- Where things are ------------------------------------------------------------------------ */

static uint64_t divide_up(uint64_t n, uint64_t by)
{
	return (n + by - 1) / by;
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return divide_up(n, to) * to;
}

static uint64_t n_groups(const struct balloon_memmap_geometry *geometry)
{
	return divide_up(geometry->n_pages, GROUP_PAGES);
}

static uint32_t shift_of_shards(const struct balloon_memmap_geometry *geometry)
{
	uint64_t n_blocks = divide_up(n_groups(geometry), BLOCK_GROUPS);
	uint32_t shift = 0;
	while ((2u << shift) <= SHARDS_MAX && (2u << shift) * BITMAP_SHARD_BLOCKS <= n_blocks &&
		(uint64_t)geometry->n_devices << (shift + 1) <= PARTS_MAX)
		shift++;
	return shift;
}

/* All of the map's area but where it lies. Returns its bytes. */
static uint64_t lay_out(const struct balloon_memmap_geometry *geometry, struct map_area *area)
{
	uint32_t n_devices = geometry->n_devices;
	area->shard_shift = shift_of_shards(geometry);
	area->n_shards = 1u << area->shard_shift;
	area->n_pairs = n_devices <= PAIRS_MAX ? n_devices : 1;
	area->owner_bytes = n_devices <= PAIRS_MAX ? 0 : (n_devices <= OWNERS_OF_A_BYTE ? 1 : 2);
	uint64_t n = divide_up(divide_up(n_groups(geometry), BLOCK_GROUPS), area->n_shards) *
		     BLOCK_GROUPS;
	uint32_t n_words = 0;
	for (uint32_t level = 0; level < N_LEVELS; level++) {
		n = divide_up(n, WORD_BITS);
		area->n_words[level] = (uint32_t)n;
		area->first_word[level] = n_words;
		n_words += (uint32_t)n;
	}
	area->part_bytes = (uint32_t)round_up(
		sizeof(struct part) + n_words * sizeof(uintptr_t), _Alignof(struct part));
	uint64_t shard_bytes =
		round_up(sizeof(struct shard) + (uint64_t)n_devices * area->part_bytes,
			_Alignof(struct shard));
	area->shard_bytes = (size_t)shard_bytes;
	uint64_t pairs_at =
		round_up(sizeof(*area), _Alignof(struct shard)) + area->n_shards * shard_bytes;
	uint64_t owners_at = pairs_at + n_groups(geometry) * area->n_pairs * sizeof(struct pair);
	area->shards_at = (size_t)round_up(sizeof(*area), _Alignof(struct shard));
	area->pairs_at = (size_t)pairs_at;
	area->owners_at = (size_t)owners_at;
	return owners_at + (uint64_t)geometry->n_pages * area->owner_bytes;
}

static struct map_area *area_of(const struct balloon_memmap *map)
{
	return (struct map_area *)balloon_memmap_area(map);
}

static unsigned char *at(struct map_area *area, size_t offset)
{
	return (unsigned char *)area + offset;
}

static struct shard *shard_at(struct map_area *area, uint32_t shard)
{
	return (struct shard *)(void *)at(area, area->shards_at + shard * area->shard_bytes);
}

static struct balloon_lock *lock_of(struct map_area *area, uint32_t shard)
{
	return &shard_at(area, shard)->lock;
}

static struct part *part_at(struct map_area *area, uint32_t shard, uint32_t slot)
{
	return (struct part *)(void *)((unsigned char *)(shard_at(area, shard) + 1) +
				       (size_t)slot * area->part_bytes);
}

static uint32_t group_of(struct balloon_page page)
{
	return page.index / GROUP_PAGES;
}

static uintptr_t bit_of(struct balloon_page page)
{
	return (uintptr_t)1 << page.index % GROUP_PAGES;
}

static uint32_t shard_of(struct map_area *area, uint32_t group)
{
	return group / BLOCK_GROUPS & (area->n_shards - 1);
}

/* A group's number among its shard's, and the reverse. */
static uint32_t group_in_shard(struct map_area *area, uint32_t group)
{
	return (group / BLOCK_GROUPS >> area->shard_shift) * BLOCK_GROUPS + group % BLOCK_GROUPS;
}

static uint32_t group_of_shard(struct map_area *area, uint32_t shard, uint32_t at)
{
	return ((at / BLOCK_GROUPS << area->shard_shift) + shard) * BLOCK_GROUPS +
	       at % BLOCK_GROUPS;
}

static struct pair *pairs_of(struct map_area *area, uint32_t group)
{
	return (struct pair *)(void *)at(area, area->pairs_at) + (size_t)group * area->n_pairs;
}

static struct pair *pair_of(struct map_area *area, uint32_t group, uint32_t slot)
{
	return pairs_of(area, group) + (area->owner_bytes ? 0 : slot);
}

/* A hint without the lock, the truth under it. */
static uintptr_t load(const struct balloon_atomic_word *word)
{
	return balloon_atomic_load(word, BALLOON_RELAXED);
}

/* The caller holds the lock of the word's shard: nobody else writes it. */
static void store(struct balloon_atomic_word *word, uintptr_t bits)
{
	balloon_atomic_store(word, bits, BALLOON_RELAXED);
}

static uint32_t lowest(uintptr_t word)
{
	return (uint32_t)__builtin_ctzll(word);
}

/* ---- Owners; the caller holds the lock of the group's shard ---------------------------------- */

static uint8_t *owner_at(struct map_area *area, size_t index)
{
	return at(area, area->owners_at + index * area->owner_bytes);
}

static uint32_t owner_of(struct map_area *area, size_t index)
{
	const uint8_t *owner = owner_at(area, index);
	return area->owner_bytes == 1 ? BALLOON_READ(*owner)
				      : BALLOON_READ(*(const uint16_t *)(const void *)owner);
}

static void set_owner(struct map_area *area, size_t index, uint32_t slot)
{
	uint8_t *owner = owner_at(area, index);
	if (area->owner_bytes == 1)
		BALLOON_WRITE(*owner, (uint8_t)slot);
	else
		BALLOON_WRITE(*(uint16_t *)(void *)owner, (uint16_t)slot);
}

static void set_owners(struct map_area *area, uint32_t group, uintptr_t bits, uint32_t slot)
{
	for (; area->owner_bytes && bits; bits &= bits - 1)
		set_owner(area, (size_t)group * GROUP_PAGES + lowest(bits), slot);
}

/* Of bits of the device's pair, or of all devices' one, those that are the device's. */
static uintptr_t owned_by(struct map_area *area, uint32_t group, uint32_t slot, uintptr_t bits)
{
	uintptr_t own = 0;
	if (!area->owner_bytes)
		return bits;
	for (; bits; bits &= bits - 1)
		if (owner_of(area, (size_t)group * GROUP_PAGES + lowest(bits)) == slot)
			own |= bits & -bits;
	return own;
}

/* Of all devices. */
static uintptr_t listed_bits(struct map_area *area, uint32_t group)
{
	const struct pair *pairs = pairs_of(area, group);
	uintptr_t bits = 0;
	for (uint32_t i = 0; i < area->n_pairs; i++)
		bits |= load(&pairs[i].listed);
	return bits;
}

static uintptr_t isolated_bits(struct map_area *area, uint32_t group)
{
	const struct pair *pairs = pairs_of(area, group);
	uintptr_t bits = 0;
	for (uint32_t i = 0; i < area->n_pairs; i++)
		bits |= load(&pairs[i].isolated);
	return bits;
}

/* The bits of pages that are in some balloon. */
static uintptr_t members(struct map_area *area, uint32_t group)
{
	return listed_bits(area, group) | isolated_bits(area, group);
}

/* The slot of a page that is in a balloon. */
static uint32_t slot_of(struct map_area *area, uint32_t group, uintptr_t bit)
{
	const struct pair *pairs = pairs_of(area, group);
	uint32_t slot = 0;
	if (area->owner_bytes)
		return owner_of(area, (size_t)group * GROUP_PAGES + lowest(bit));
	while (!((load(&pairs[slot].listed) | load(&pairs[slot].isolated)) & bit))
		slot++;
	return slot;
}

/* ---- Summaries; the caller holds the shard's lock -------------------------------------------- */

static uintptr_t *summary_of(struct part *part)
{
	return (uintptr_t *)(void *)(part + 1);
}

static void summary_set(struct map_area *area, struct part *part, uint32_t at)
{
	for (uint32_t level = 0; level < N_LEVELS; level++, at /= WORD_BITS) {
		uintptr_t *word = &summary_of(part)[area->first_word[level] + at / WORD_BITS];
		uintptr_t before = BALLOON_READ(*word);
		BALLOON_WRITE(*word, before | (uintptr_t)1 << at % WORD_BITS);
		if (before)
			return;
	}
}

static void summary_clear(struct map_area *area, struct part *part, uint32_t at)
{
	for (uint32_t level = 0; level < N_LEVELS; level++, at /= WORD_BITS) {
		uintptr_t *word = &summary_of(part)[area->first_word[level] + at / WORD_BITS];
		uintptr_t after = BALLOON_READ(*word) & ~((uintptr_t)1 << at % WORD_BITS);
		BALLOON_WRITE(*word, after);
		if (after)
			return;
	}
}

/* The first word of a level that is not zero, from a number on. */
static uint32_t next_word(
	struct map_area *area, const uintptr_t *summary, uint32_t level, uint32_t at)
{
	while (at < area->n_words[level] && !BALLOON_READ(summary[area->first_word[level] + at]))
		at++;
	return at;
}

/* The first group from this one on that has a listed page. */
static uint32_t summary_next(struct map_area *area, struct part *part, uint32_t at)
{
	const uintptr_t *summary = summary_of(part);
	uintptr_t word = 0;
	uint32_t level = 0;
	/* Up, to a word that has such a bit; in the highest level to any. */
	for (;; level++) {
		uint32_t i = at / WORD_BITS;
		if (i < area->n_words[level])
			word = BALLOON_READ(summary[area->first_word[level] + i]) >> at % WORD_BITS;
		if (word) {
			at += lowest(word);
			break;
		}
		at = i + 1;
		if (level < N_LEVELS - 1)
			continue;
		at = next_word(area, summary, level, at);
		if (at >= area->n_words[level])
			return NO_GROUP;
		at = at * WORD_BITS + lowest(BALLOON_READ(summary[area->first_word[level] + at]));
		break;
	}
	for (; level > 0; level--)
		at = at * WORD_BITS +
		     lowest(BALLOON_READ(summary[area->first_word[level - 1] + at]));
	return at;
}

/* ---- Moving bits; the caller holds the lock of the group's shard ----------------------------- */

static void list_bits(
	struct map_area *area, struct part *part, uint32_t group, uint32_t slot, uintptr_t bits)
{
	struct pair *pair = pair_of(area, group, slot);
	uintptr_t listed = load(&pair->listed);
	if (!owned_by(area, group, slot, listed))
		summary_set(area, part, group_in_shard(area, group));
	set_owners(area, group, bits, slot);
	store(&pair->listed, listed | bits);
}

static void unlist_bits(
	struct map_area *area, struct part *part, uint32_t group, uint32_t slot, uintptr_t bits)
{
	struct pair *pair = pair_of(area, group, slot);
	uintptr_t listed = load(&pair->listed) & ~bits;
	store(&pair->listed, listed);
	if (!owned_by(area, group, slot, listed))
		summary_clear(area, part, group_in_shard(area, group));
}

static void add_isolated(struct map_area *area, uint32_t group, uint32_t slot, uintptr_t bits)
{
	struct pair *pair = pair_of(area, group, slot);
	store(&pair->isolated, load(&pair->isolated) | bits);
}

static void remove_isolated(struct map_area *area, uint32_t group, uint32_t slot, uintptr_t bits)
{
	struct pair *pair = pair_of(area, group, slot);
	store(&pair->isolated, load(&pair->isolated) & ~bits);
}

/* Isolated pages of the device. */
static uintptr_t isolated_of(struct map_area *area, uint32_t group, uint32_t slot)
{
	return owned_by(area, group, slot, load(&pair_of(area, group, slot)->isolated));
}

/* ---- Locks ----------------------------------------------------------------------------------- */

/* The shards that a call holds, a bit each. */
struct hold {
	struct map_area *area;
	uint32_t shards;
};

/* More than the analysis of compilers follows: the checking build does. */
BALLOON_LOCK_INTERNALS static void release_shards(struct hold *hold)
{
	for (; hold->shards; hold->shards &= hold->shards - 1)
		balloon_lock_release(lock_of(hold->area, (uint32_t)__builtin_ctz(hold->shards)));
}

BALLOON_LOCK_INTERNALS static void acquire_shards(struct hold *hold, uint32_t shards)
{
	for (hold->shards = shards; shards; shards &= shards - 1)
		balloon_lock_acquire(lock_of(hold->area, (uint32_t)__builtin_ctz(shards)));
}

BALLOON_LOCK_INTERNALS static bool try_shards(struct hold *hold, uint32_t shards)
{
	for (; shards; shards &= shards - 1) {
		uint32_t shard = (uint32_t)__builtin_ctz(shards);
		if (!balloon_lock_try(lock_of(hold->area, shard)))
			return false;
		hold->shards |= UINT32_C(1) << shard;
	}
	return true;
}

/* Have these as well; if that means to wait, these alone. */
static void hold_shards(struct hold *hold, uint32_t shards)
{
	if (!(shards & ~hold->shards) || (hold->shards && try_shards(hold, shards & ~hold->shards)))
		return;
	release_shards(hold);
	acquire_shards(hold, shards);
}

static uint32_t shard_bit(struct map_area *area, uint32_t group)
{
	return UINT32_C(1) << shard_of(area, group);
}

static struct hold hold_all(const struct balloon_memmap *map)
{
	struct hold hold = {area_of(map), 0};
	acquire_shards(&hold, (UINT32_C(1) << hold.area->n_shards) - 1);
	return hold;
}

/* ---- Set-up ---------------------------------------------------------------------------------- */

static uint64_t memmap_bytes(const struct balloon_memmap_geometry *geometry)
{
	struct map_area area;
	return lay_out(geometry, &area);
}

static void memmap_init(struct balloon_memmap *map)
{
	const struct balloon_memmap_geometry geometry = {map->descriptors.n_pages, map->n_devices};
	struct map_area *area = (struct map_area *)balloon_memmap_area(map);
	lay_out(&geometry, area);
	for (uint32_t i = 0; i < area->n_shards; i++)
		balloon_lock_init_lasting(lock_of(area, i), BALLOON_RANK_PAGES, &map->n_contended);
	balloon_atomic_init_zeroed(&pairs_of(area, 0)->listed,
		2 * n_groups(&geometry) * area->n_pairs, BALLOON_SHARED_MARK);
}

static void memmap_fini(struct balloon_memmap *map)
{
	struct map_area *area = area_of(map);
	for (uint32_t i = 0; i < area->n_shards; i++)
		balloon_lock_fini(lock_of(area, i));
}

/* ---- Devices --------------------------------------------------------------------------------- */

static void device_open(struct balloon_device *device, void *context)
{
	const struct balloon_device_stats none = {.n_listed = 0};
	struct hold hold = hold_all(device->map);
	for (uint32_t i = 0; i < hold.area->n_shards; i++)
		BALLOON_WRITE(part_at(hold.area, i, device->slot)->stats, none);
	BALLOON_WRITE(device->context, context);
	balloon_atomic_store(&device->open, 1, BALLOON_RELAXED);
	release_shards(&hold);
}

/* The caller holds all locks. */
static struct balloon_device_stats sum(struct map_area *area, uint32_t slot)
{
	struct balloon_device_stats sum = {.n_listed = 0};
	for (uint32_t i = 0; i < area->n_shards; i++) {
		const struct balloon_device_stats part =
			BALLOON_READ(part_at(area, i, slot)->stats);
		sum.n_listed += part.n_listed;
		sum.n_isolated += part.n_isolated;
		sum.n_inserted += part.n_inserted;
		sum.n_dequeued += part.n_dequeued;
		sum.n_isolates += part.n_isolates;
		sum.n_putbacks += part.n_putbacks;
		sum.n_migrated += part.n_migrated;
		sum.n_finalized += part.n_finalized;
	}
	return sum;
}

static int device_close(struct balloon_device *device)
{
	struct hold hold = hold_all(device->map);
	const struct balloon_device_stats stats = sum(hold.area, device->slot);
	bool is_empty = stats.n_listed == 0 && stats.n_isolated == 0;
	if (is_empty)
		balloon_atomic_store(&device->open, 0, BALLOON_RELAXED);
	release_shards(&hold);
	return is_empty ? 0 : -EBUSY;
}

static void device_stats(struct balloon_device *device, struct balloon_device_stats *stats)
{
	struct hold hold = hold_all(device->map);
	*stats = sum(hold.area, device->slot);
	release_shards(&hold);
}

/* ---- Batches, by what they name in one group ------------------------------------------------- */

/* Adjacent pages of a batch that are of one group, none of them twice. */
struct run {
	uint32_t group;
	uint32_t shard;
	uint32_t n_pages;
	uintptr_t bits;
};

static void gather(
	struct map_area *area, const struct balloon_page *pages, size_t n, struct run *run)
{
	run->group = group_of(pages[0]);
	run->shard = shard_of(area, run->group);
	run->bits = bit_of(pages[0]);
	for (run->n_pages = 1; run->n_pages < n; run->n_pages++) {
		struct balloon_page page = pages[run->n_pages];
		if (group_of(page) != run->group || (run->bits & bit_of(page)))
			return;
		run->bits |= bit_of(page);
	}
}

/* As far as these bits go. */
static void cut(struct run *run, const struct balloon_page *pages, uintptr_t bits)
{
	uint32_t n = 0;
	run->bits = 0;
	for (; n < run->n_pages && (bit_of(pages[n]) & bits); n++)
		run->bits |= bit_of(pages[n]);
	run->n_pages = n;
}

/* What an operation does with a run: which bits it can be done to; why not to one of the others; do it. */
struct operation {
	uintptr_t (*may)(struct map_area *, uint32_t slot, const struct run *);
	int (*refuse)(struct map_area *, uint32_t group, uintptr_t bit);
	void (*apply)(struct map_area *, uint32_t slot, const struct run *);
};

/* device: NULL for operations that take any device's pages. is_entry: wants it open. */
BALLOON_ALWAYS_INLINE int each_run(const struct balloon_memmap *map, struct balloon_device *device,
	bool is_entry, const struct operation *operation, const struct balloon_page *pages,
	size_t n_pages)
{
	struct hold hold = {area_of(map), 0};
	uint32_t slot = device ? device->slot : 0;
	size_t n_done = 0;
	int error = 0;
	while (n_done < n_pages && error == 0) {
		struct run run;
		gather(hold.area, pages + n_done, n_pages - n_done, &run);
		hold_shards(&hold, UINT32_C(1) << run.shard);
		if (is_entry && !balloon_device_is_open(device)) {
			error = -ENODEV;
			break;
		}
		uintptr_t may = operation->may(hold.area, slot, &run);
		if (run.bits & ~may) {
			cut(&run, pages + n_done, may);
			error = operation->refuse(
				hold.area, run.group, bit_of(pages[n_done + run.n_pages]));
		}
		if (run.n_pages > 0)
			operation->apply(hold.area, slot, &run);
		n_done += run.n_pages;
	}
	release_shards(&hold);
	return n_done > 0 ? (int)n_done : error;
}

/* ---- Insert ---------------------------------------------------------------------------------- */

static uintptr_t may_insert(struct map_area *area, uint32_t slot, const struct run *run)
{
	(void)slot;
	return ~members(area, run->group);
}

static int refuse_insert(struct map_area *area, uint32_t group, uintptr_t bit)
{
	(void)area, (void)group, (void)bit;
	return -EEXIST;
}

static void do_insert(struct map_area *area, uint32_t slot, const struct run *run)
{
	struct part *part = part_at(area, run->shard, slot);
	list_bits(area, part, run->group, slot, run->bits);
	BALLOON_ADD(part->stats.n_inserted, run->n_pages);
	BALLOON_ADD(part->stats.n_listed, run->n_pages);
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	static const struct operation operation = {may_insert, refuse_insert, do_insert};
	return each_run(device->map, device, true, &operation, pages, n_pages);
}

/* ---- Isolate, putback, finalize -------------------------------------------------------------- */

static int refuse_stale(struct map_area *area, uint32_t group, uintptr_t bit)
{
	(void)area, (void)group, (void)bit;
	return -ESTALE;
}

/* A page that is not an isolated one of the device's. */
static int refuse_leaving(struct map_area *area, uint32_t group, uintptr_t bit)
{
	return isolated_bits(area, group) & bit ? -EXDEV : -ESTALE;
}

/* Each device's of the bits, which are all of some balloon. */
static uintptr_t next_device(struct map_area *area, uint32_t group, uintptr_t *bits, uint32_t *slot)
{
	*slot = slot_of(area, group, *bits & -*bits);
	const struct pair *pair = pair_of(area, group, *slot);
	uintptr_t own =
		owned_by(area, group, *slot, (load(&pair->listed) | load(&pair->isolated)) & *bits);
	*bits &= ~own;
	return own;
}

static uint32_t count(uintptr_t bits)
{
	uint32_t n = 0;
	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

/* From one word of each device's to the other, with the counts that both directions have. */
static void move(struct map_area *area, const struct run *run, bool is_isolation)
{
	uint32_t slot;
	for (uintptr_t bits = run->bits; bits;) {
		uintptr_t own = next_device(area, run->group, &bits, &slot);
		struct part *part = part_at(area, run->shard, slot);
		uint64_t n = own == run->bits ? run->n_pages : count(own);
		if (is_isolation) {
			unlist_bits(area, part, run->group, slot, own);
			add_isolated(area, run->group, slot, own);
		} else {
			remove_isolated(area, run->group, slot, own);
			list_bits(area, part, run->group, slot, own);
		}
		BALLOON_ADD(part->stats.n_isolates, is_isolation ? n : 0);
		BALLOON_ADD(part->stats.n_putbacks, is_isolation ? 0 : n);
		BALLOON_ADD(part->stats.n_listed, is_isolation ? -n : n);
		BALLOON_ADD(part->stats.n_isolated, is_isolation ? n : -n);
	}
}

static uintptr_t may_isolate(struct map_area *area, uint32_t slot, const struct run *run)
{
	(void)slot;
	return listed_bits(area, run->group);
}

static void do_isolate(struct map_area *area, uint32_t slot, const struct run *run)
{
	(void)slot;
	move(area, run, true);
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	static const struct operation operation = {may_isolate, refuse_stale, do_isolate};
	if (!(listed_bits(area_of(map), group_of(pages[0])) & bit_of(pages[0])))
		return -ESTALE; /* the scanner's common case costs no lock */
	return each_run(map, NULL, false, &operation, pages, n_pages);
}

static uintptr_t may_put_back(struct map_area *area, uint32_t slot, const struct run *run)
{
	(void)slot;
	return isolated_bits(area, run->group);
}

static void do_putback(struct map_area *area, uint32_t slot, const struct run *run)
{
	(void)slot;
	move(area, run, false);
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	static const struct operation operation = {may_put_back, refuse_stale, do_putback};
	return each_run(map, NULL, false, &operation, pages, n_pages);
}

static uintptr_t may_finalize(struct map_area *area, uint32_t slot, const struct run *run)
{
	return isolated_of(area, run->group, slot);
}

static void do_finalize(struct map_area *area, uint32_t slot, const struct run *run)
{
	struct part *part = part_at(area, run->shard, slot);
	remove_isolated(area, run->group, slot, run->bits);
	BALLOON_ADD(part->stats.n_finalized, run->n_pages);
	BALLOON_ADD(part->stats.n_isolated, -(uint64_t)run->n_pages);
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	static const struct operation operation = {may_finalize, refuse_leaving, do_finalize};
	return each_run(device->map, device, false, &operation, pages, n_pages);
}

/* ---- Migrate --------------------------------------------------------------------------------- */

/* The caller holds the shards of both pages. */
static int migrate_held(struct map_area *area, uint32_t slot, struct balloon_page new_page,
	struct balloon_page old_page)
{
	uint32_t to = group_of(new_page);
	uint32_t from = group_of(old_page);
	struct part *new_part = part_at(area, shard_of(area, to), slot);
	struct part *old_part = part_at(area, shard_of(area, from), slot);
	if (!(isolated_of(area, from, slot) & bit_of(old_page)))
		return refuse_leaving(area, from, bit_of(old_page));
	if (members(area, to) & bit_of(new_page))
		return -EEXIST;
	remove_isolated(area, from, slot, bit_of(old_page));
	list_bits(area, new_part, to, slot, bit_of(new_page));
	BALLOON_ADD(old_part->stats.n_migrated, 1);
	BALLOON_ADD(old_part->stats.n_isolated, -(uint64_t)1);
	BALLOON_ADD(new_part->stats.n_listed, 1);
	return 0;
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	struct hold hold = {area_of(device->map), 0};
	size_t n_done = 0;
	int error = 0;
	for (; n_done < n_pages && error == 0; n_done += error == 0) {
		hold_shards(&hold, shard_bit(hold.area, group_of(new_pages[n_done])) |
					   shard_bit(hold.area, group_of(old_pages[n_done])));
		error = migrate_held(hold.area, device->slot, new_pages[n_done], old_pages[n_done]);
	}
	release_shards(&hold);
	return n_done > 0 ? (int)n_done : error;
}

/* ---- Dequeue --------------------------------------------------------------------------------- */

/* Up to n pages of the bits, the lowest first. Returns the bits of those. */
static uintptr_t name_pages(
	uint32_t group, uintptr_t bits, struct balloon_page *pages, size_t n, size_t *n_named)
{
	uintptr_t rest = bits;
	for (*n_named = 0; rest && *n_named < n; rest &= rest - 1)
		pages[(*n_named)++] = balloon_page(group * GROUP_PAGES + lowest(rest));
	return bits & ~rest;
}

/* Up to n listed pages of a shard, whose lock the caller holds. */
static size_t take(
	struct map_area *area, uint32_t shard, uint32_t slot, struct balloon_page *pages, size_t n)
{
	struct part *part = part_at(area, shard, slot);
	uint32_t at = BALLOON_READ(part->cursor);
	bool is_wrapped = false;
	size_t n_taken = 0;
	while (n_taken < n) {
		size_t n_named;
		at = summary_next(area, part, at);
		if (at == NO_GROUP && is_wrapped)
			break;
		if (at == NO_GROUP) {
			is_wrapped = true;
			at = 0;
			continue;
		}
		uint32_t group = group_of_shard(area, shard, at);
		uintptr_t bits =
			owned_by(area, group, slot, load(&pair_of(area, group, slot)->listed));
		bits = name_pages(group, bits, pages + n_taken, n - n_taken, &n_named);
		unlist_bits(area, part, group, slot, bits);
		n_taken += n_named;
	}
	BALLOON_WRITE(part->cursor, at == NO_GROUP ? 0 : at);
	BALLOON_ADD(part->stats.n_dequeued, n_taken);
	BALLOON_ADD(part->stats.n_listed, -(uint64_t)n_taken);
	return n_taken;
}

static int take_at_one_moment(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct hold hold = hold_all(device->map);
	uint64_t n_isolated = 0;
	size_t n = 0;
	for (uint32_t i = 0; i < hold.area->n_shards; i++) {
		n += take(hold.area, i, device->slot, pages + n, n_pages - n);
		n_isolated += BALLOON_READ(part_at(hold.area, i, device->slot)->stats.n_isolated);
	}
	release_shards(&hold);
	return n > 0 || n_isolated == 0 ? (int)n : -EAGAIN;
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct map_area *area = area_of(device->map);
	uint32_t first = area->n_shards > 1 ? balloon_platform_thread_hint() : 0;
	size_t n = 0;
	/* One shard's lock is all of them. */
	for (uint32_t i = 0; area->n_shards > 1 && i < area->n_shards && n < n_pages; i++) {
		uint32_t shard = (first + i) & (area->n_shards - 1);
		balloon_lock_acquire(lock_of(area, shard));
		n += take(area, shard, device->slot, pages + n, n_pages - n);
		balloon_lock_release(lock_of(area, shard));
	}
	return n > 0 ? (int)n : take_at_one_moment(device, pages, n_pages);
}

/* ---- Looking at pages ------------------------------------------------------------------------ */

static bool is_candidate(const struct balloon_memmap *map, struct balloon_page page)
{
	return listed_bits(area_of(map), group_of(page)) & bit_of(page);
}

static struct balloon_device *device_of(struct balloon_memmap *map, struct balloon_page page)
{
	struct map_area *area = area_of(map);
	uint32_t group = group_of(page);
	struct balloon_device *device = NULL;
	balloon_lock_acquire(lock_of(area, shard_of(area, group)));
	if (isolated_bits(area, group) & bit_of(page))
		device = balloon_memmap_slot(map, slot_of(area, group, bit_of(page)));
	balloon_lock_release(lock_of(area, shard_of(area, group)));
	return device;
}

static bool summary_has(struct map_area *area, struct part *part, uint32_t at)
{
	for (uint32_t level = 0; level < N_LEVELS; level++, at /= WORD_BITS) {
		uintptr_t word = summary_of(part)[area->first_word[level] + at / WORD_BITS];
		if (!(word >> at % WORD_BITS & 1))
			return false;
	}
	return true;
}

/* Is each device's summary right about this group? */
static bool is_summed_up(const struct balloon_memmap *map, uint32_t group)
{
	struct map_area *area = area_of(map);
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct part *part = part_at(area, shard_of(area, group), slot);
		uintptr_t listed = load(&pair_of(area, group, slot)->listed);
		uint32_t at = group_in_shard(area, group);
		bool has_bit =
			summary_of(part)[area->first_word[0] + at / WORD_BITS] >> at % WORD_BITS &
			1;
		bool has_listed = owned_by(area, group, slot, listed) != 0;
		if (has_bit != has_listed || (has_listed && !summary_has(area, part, at)))
			return false;
	}
	return true;
}

static const char *find_defect(const struct balloon_memmap *map, uint32_t group, uintptr_t bit)
{
	struct map_area *area = area_of(map);
	const struct pair *pairs = pairs_of(area, group);
	uint32_t n_bits = 0;
	for (uint32_t i = 0; i < area->n_pairs; i++)
		n_bits += (uint32_t)((load(&pairs[i].listed) & bit) != 0) +
			  ((load(&pairs[i].isolated) & bit) != 0);
	if (n_bits > 1)
		return "I2: a page is in more than one state, or balloon";
	if (n_bits == 1 && slot_of(area, group, bit) >= map->n_devices)
		return "I2: the owner is none of the map's devices";
	if (bit == 1 && !is_summed_up(map, group))
		return "I1: a group's summary does not say what is listed there";
	return NULL;
}

static struct balloon_page_info inspect(struct balloon_memmap *map, struct balloon_page page)
{
	struct map_area *area = area_of(map);
	uint32_t group = group_of(page);
	uintptr_t bit = bit_of(page);
	struct balloon_page_info info = {BALLOON_PAGE_OWNED, NULL, find_defect(map, group, bit)};
	if (info.defect || !(members(area, group) & bit))
		return info;
	info.state = listed_bits(area, group) & bit ? BALLOON_PAGE_LISTED : BALLOON_PAGE_ISOLATED;
	info.device = balloon_memmap_slot(map, slot_of(area, group, bit));
	return info;
}

const struct balloon_strategy balloon_strategy_bitmap = {
	.abi = BALLOON_STRATEGY_ABI,
	.name = "bitmap",
	.era = "no kernel's",
	.descriptor_align = 1,
	.order = BALLOON_ORDER_ANY,
	.memmap_bytes = memmap_bytes,
	.memmap_init = memmap_init,
	.memmap_fini = memmap_fini,
	.device_open = device_open,
	.device_close = device_close,
	.device_stats = device_stats,
	.insert = insert,
	.dequeue = dequeue,
	.isolate = isolate,
	.putback = putback,
	.migrate = migrate,
	.finalize = finalize,
	.is_candidate = is_candidate,
	.device_of = device_of,
	.inspect = inspect,
};
