/* SPDX-License-Identifier: MIT */
/*
 * Release and acquire, as views.
 *
 * Each word is a list of messages, in the order in which they overwrite each other. A view says of each word which
 * message is known, and of each thread how far its accesses are known to have come (a vector clock, for races). A
 * thread has three of them: what it knows; what it will know once it passes a fence, from the messages that it
 * found by relaxed loads; what it knew when it last passed one, which its relaxed stores hand over.
 */

#include "memory/models-internal.h"

#include <string.h>

enum { WORDS_MAX = 8, MESSAGES_MAX = 64, PLAINS_MAX = 8 };

struct view {
	uint8_t messages[WORDS_MAX]; /* 0: what was there at the start */
	uint32_t clock[MEMORY_THREADS];
};

struct message {
	uint64_t value;
	struct view view;
	bool is_glued; /* to the one before it, which a read-modify-write found */
	uint8_t position;
};

struct word {
	const volatile void *place;
	size_t size_bytes;
	uint32_t n_messages;
	uint8_t order[MESSAGES_MAX]; /* oldest first */
	uint8_t woken;               /* the newest that somebody knew who called a wake-up on it */
	struct message messages[MESSAGES_MAX];
};

struct thread {
	struct view known;
	struct view found;
	struct view fenced;
};

/* A place of plain accesses: when each thread made its last ones. */
struct plain {
	const volatile void *place;
	size_t size_bytes;
	uint32_t writer;
	uint32_t written;
	uint32_t read[MEMORY_THREADS];
};

static struct {
	uint32_t n_words;
	uint32_t n_plains;
	struct thread threads[MEMORY_THREADS];
	struct view fenced; /* what is known to whoever passes a fence */
	struct plain plains[PLAINS_MAX];
	struct word words[WORDS_MAX];
} ra;

static void begin(void)
{
	ra.n_words = 0;
	ra.n_plains = 0;
	memset(ra.threads, 0, sizeof(ra.threads));
	memset(&ra.fenced, 0, sizeof(ra.fenced));
}

/* ---- Views ----------------------------------------------------------------------------------- */

static uint32_t position(uint32_t word, uint32_t message)
{
	return ra.words[word].messages[message].position;
}

static void join_messages(struct view *view, const struct view *other)
{
	for (uint32_t i = 0; i < ra.n_words; i++)
		if (position(i, other->messages[i]) > position(i, view->messages[i]))
			view->messages[i] = other->messages[i];
}

static void join(struct view *view, const struct view *other)
{
	join_messages(view, other);
	for (uint32_t i = 0; i < MEMORY_THREADS; i++)
		if (other->clock[i] > view->clock[i])
			view->clock[i] = other->clock[i];
}

/* The thread makes an access. */
static struct thread *step(uint32_t number)
{
	struct thread *thread = &ra.threads[number];
	thread->known.clock[number]++;
	return thread;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static struct word *word_at(const struct memory_access *access)
{
	for (uint32_t i = 0; i < ra.n_words; i++)
		if (memory_is_same(ra.words[i].place, ra.words[i].size_bytes, access->place,
			    access->size_bytes))
			return &ra.words[i];
	if (ra.n_words == WORDS_MAX)
		memory_full();
	struct word *word = &ra.words[ra.n_words++];
	word->place = access->place;
	word->size_bytes = access->size_bytes;
	word->n_messages = 1;
	word->order[0] = 0;
	word->woken = 0;
	word->messages[0] =
		(struct message){.value = memory_read(access->place, access->size_bytes)};
	return word;
}

static uint32_t number_of(const struct word *word)
{
	return (uint32_t)(word - ra.words);
}

static struct message *message_at(struct word *word, uint32_t at)
{
	return &word->messages[word->order[at]];
}

static uint8_t number_of_message(const struct word *word, const struct message *message)
{
	return (uint8_t)(message - word->messages);
}

static uint32_t known_position(const struct thread *thread, const struct word *word)
{
	return position(number_of(word), thread->known.messages[number_of(word)]);
}

/* Nothing comes in between a message and the one that is glued to it. */
static bool is_followed(struct word *word, uint32_t at)
{
	return at + 1 < word->n_messages && message_at(word, at + 1)->is_glued;
}

/* A new message at that position. The newest is in memory. */
static struct message *insert(struct word *word, uint32_t at, uint64_t value)
{
	if (word->n_messages == MESSAGES_MAX)
		memory_full();
	uint32_t number = word->n_messages++;
	struct message *message = &word->messages[number];
	*message = (struct message){.value = value};
	memmove(word->order + at + 1, word->order + at, number - at);
	word->order[at] = (uint8_t)number;
	for (uint32_t i = at; i <= number; i++)
		message_at(word, i)->position = (uint8_t)i;
	memory_write(word->place, word->size_bytes, message_at(word, number)->value);
	return message;
}

/* May the access find the message at that position? A read-modify-write not one that another one has found. */
static bool can_find(const struct memory_access *access, struct word *word, uint32_t at)
{
	uint64_t changed;
	return !memory_changes(access, message_at(word, at)->value, &changed) ||
	       !is_followed(word, at);
}

/* The newest message that the access may find, or by choice another one, down to that position. */
static struct message *find(const struct memory_access *access, struct word *word, uint32_t oldest)
{
	uint32_t candidates[MESSAGES_MAX];
	uint32_t n = 0;
	for (uint32_t at = word->n_messages; at-- > oldest;)
		if (can_find(access, word, at))
			candidates[n++] = at;
	return message_at(word, candidates[memory_choose(n)]);
}

static void learn(struct thread *thread, const struct word *word, const struct message *message,
	bool acquires)
{
	thread->known.messages[number_of(word)] = number_of_message(word, message);
	join(&thread->found, &message->view);
	if (acquires)
		join(&thread->known, &message->view);
}

/* The thread knows its own message, and hands over what it may. */
static void sign(
	struct thread *thread, const struct word *word, struct message *message, bool releases)
{
	uint8_t number = number_of_message(word, message);
	thread->known.messages[number_of(word)] = number;
	message->view = releases ? thread->known : thread->fenced;
	message->view.messages[number_of(word)] = number;
}

/* ---- Atomic accesses ------------------------------------------------------------------------- */

static uint64_t load(const struct memory_access *access)
{
	struct thread *thread = step(access->thread);
	struct word *word = word_at(access);
	struct message *message = find(access, word, known_position(thread, word));
	learn(thread, word, message, access->acquires);
	return message->value;
}

static void store(const struct memory_access *access)
{
	struct thread *thread = step(access->thread);
	struct word *word = word_at(access);
	uint32_t candidates[MESSAGES_MAX];
	uint32_t n = 0;
	for (uint32_t at = word->n_messages; at-- > known_position(thread, word);)
		if (!is_followed(word, at))
			candidates[n++] = at + 1;
	struct message *message = insert(word, candidates[memory_choose(n)], access->operand);
	sign(thread, word, message, access->releases);
}

static uint64_t modify(const struct memory_access *access)
{
	struct thread *thread = step(access->thread);
	struct word *word = word_at(access);
	struct message *message = find(access, word, known_position(thread, word));
	uint64_t changed;
	if (!memory_changes(access, message->value, &changed)) {
		learn(thread, word, message, false);
		return message->value;
	}
	learn(thread, word, message, access->acquires);
	struct message *new = insert(word, message->position + 1u, changed);
	new->is_glued = true;
	sign(thread, word, new, access->releases);
	join(&new->view, &message->view);
	return message->value;
}

static void fence(uint32_t number)
{
	struct thread *thread = step(number);
	join(&thread->known, &thread->found);
	join_messages(&thread->known, &ra.fenced);
	join_messages(&ra.fenced, &thread->known);
	thread->fenced = thread->known;
}

/* ---- Plain accesses -------------------------------------------------------------------------- */

static struct plain *plain_at(const volatile void *place, size_t size_bytes)
{
	for (uint32_t i = 0; i < ra.n_plains; i++)
		if (memory_is_same(ra.plains[i].place, ra.plains[i].size_bytes, place, size_bytes))
			return &ra.plains[i];
	if (ra.n_plains == PLAINS_MAX)
		memory_full();
	struct plain *plain = &ra.plains[ra.n_plains++];
	*plain = (struct plain){.place = place, .size_bytes = size_bytes};
	return plain;
}

static void check_race(const struct view *known, uint32_t self, uint32_t other, uint32_t when)
{
	if (when > known->clock[other])
		engine_fail(
			ENGINE_CLAIM, "a race of %c with %c", 'a' + (int)self, 'a' + (int)other);
}

static void *plain(uint32_t number, const volatile void *place, size_t size_bytes, bool is_write)
{
	const struct view *known = &step(number)->known;
	struct plain *plain = plain_at(place, size_bytes);
	check_race(known, number, plain->writer, plain->written);
	for (uint32_t i = 0; i < MEMORY_THREADS && is_write; i++)
		check_race(known, number, i, plain->read[i]);
	if (is_write) {
		plain->writer = number;
		plain->written = known->clock[number];
	} else {
		plain->read[number] = known->clock[number];
	}
	return (void *)(uintptr_t)place;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* The newer of what the thread knows of the word and what those knew who called a wake-up. */
static void learn_woken(struct thread *thread, const struct word *word)
{
	if (position(number_of(word), word->woken) > known_position(thread, word))
		thread->known.messages[number_of(word)] = word->woken;
}

static uint64_t look(const struct memory_access *access)
{
	learn_woken(&ra.threads[access->thread], word_at(access));
	return load(access);
}

static void wake(const struct memory_access *access)
{
	struct thread *thread = step(access->thread);
	struct word *word = word_at(access);
	if (known_position(thread, word) > position(number_of(word), word->woken))
		word->woken = thread->known.messages[number_of(word)];
}

static void woken(const struct memory_access *access)
{
	learn_woken(&ra.threads[access->thread], word_at(access));
}

static void end(uint32_t thread)
{
	(void)thread;
}

const struct memory_model memory_ra = {
	.name = "ra",
	.begin = begin,
	.load = load,
	.store = store,
	.modify = modify,
	.fence = fence,
	.plain = plain,
	.look = look,
	.wake = wake,
	.woken = woken,
	.end = end,
};
