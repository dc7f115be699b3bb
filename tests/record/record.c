/* SPDX-License-Identifier: MIT */
/* The recorder tells what happened, in an order in which it can happen. */

#define _GNU_SOURCE 1 /* memfd_create(), sched_getcpu() */

#include <balloon/record.h>
#include <balloon/strategy.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(condition) check((condition), #condition, __LINE__)

enum { N_PAGES = 64, N_THREADS = 3, N_STEPS = 3000, FIRST_PFN = 1000 };

enum state { ABSENT, LISTED, ISOLATED };

static void check(bool is_true, const char *what, int line)
{
	if (is_true)
		return;
	fprintf(stderr, "record.c:%d: not true: %s\n", line, what);
	exit(1);
}

/* The library's, too: so many bytes at a time at most, and a signal before every second call. */
static size_t write_max = SIZE_MAX;
static bool is_interrupted;

ssize_t write(int descriptor, const void *bytes, size_t n_bytes)
{
	static unsigned n_calls;
	if (is_interrupted && n_calls++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_write, descriptor, bytes, n_bytes < write_max ? n_bytes : write_max);
}

/* The library asks here, too. */
static int cpu;

int sched_getcpu(void)
{
	return cpu;
}

static int new_file(void)
{
	int file = memfd_create("recording", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(file >= 0);
	return file;
}

struct fixture {
	int file;
	struct balloon_recorder *recorder;
	struct balloon_memmap *map;
	struct balloon_device *device;
	struct balloon_device *other; /* not recorded */
};

static void open_fixture(
	struct fixture *fixture, const struct balloon_strategy *strategy, uint64_t first_pfn)
{
	fixture->file = new_file();
	const struct balloon_recorder_config config = {
		.strategy = strategy, .descriptor = fixture->file};
	CHECK(balloon_recorder_create(&config, &fixture->recorder) == 0);
	const struct balloon_memmap_config map_config = {
		.strategy = balloon_recorder_strategy(fixture->recorder),
		.n_pages = N_PAGES,
		.n_devices = 2,
		.first_pfn = first_pfn};
	CHECK(balloon_memmap_create(&map_config, &fixture->map) == 0);
	CHECK(balloon_device_create(fixture->map, NULL, &fixture->device) == 0);
	CHECK(balloon_device_create(fixture->map, NULL, &fixture->other) == 0);
}

/* Returns what close() has left of it: the file. */
static FILE *close_fixture(struct fixture *fixture)
{
	struct balloon_recorder_stats stats;
	CHECK(balloon_recorder_stats(fixture->recorder, &stats) == 0 && stats.n_lost == 0);
	CHECK(balloon_memmap_validate(fixture->map, NULL) == 0);
	CHECK(balloon_recorder_destroy(fixture->recorder) == -EBUSY);
	CHECK(balloon_device_destroy(fixture->map, fixture->other) == 0);
	CHECK(balloon_device_destroy(fixture->map, fixture->device) == 0);
	CHECK(balloon_memmap_destroy(fixture->map) == 0);
	CHECK(balloon_recorder_destroy(fixture->recorder) == 0);
	CHECK(lseek(fixture->file, 0, SEEK_SET) == 0);
	FILE *rows = fdopen(fixture->file, "r");
	CHECK(rows);
	return rows;
}

static void hold(FILE *rows, const char *expected)
{
	char line[256];
	unsigned long long time_ns;
	int at = -1;
	CHECK(fgets(line, sizeof(line), rows));
	CHECK(sscanf(line, "%llu,%n", &time_ns, &at) == 1 && at > 0);
	if (strncmp(line + at, expected, strlen(expected)) == 0)
		return;
	fprintf(stderr, "'%s' does not begin with '%s'\n", line + at, expected);
	exit(1);
}

static void hold_header(FILE *rows)
{
	char line[256];
	CHECK(fgets(line, sizeof(line), rows));
	CHECK(strcmp(line, "time_ns,op,pfn,newpfn,ret,cpu,comm\n") == 0);
}

static void each_operation_has_its_rows(const struct balloon_strategy *strategy)
{
	struct fixture fixture;
	struct balloon_page got[4];
	const struct balloon_page pages[] = {{1}, {2}, {3}, {4}};
	open_fixture(&fixture, strategy, FIRST_PFN);
	CHECK(balloon_pages_insert(fixture.device, pages, 4) == 4);
	CHECK(balloon_page_insert(fixture.device, pages[0]) == -EEXIST); /* no row */
	CHECK(balloon_page_insert(fixture.other, balloon_page(9)) == 0); /* none */
	CHECK(balloon_pages_isolate(fixture.map, pages, 3) == 3);
	CHECK(balloon_pages_putback(fixture.map, pages, 1) == 1);
	CHECK(balloon_page_migrate(fixture.device, balloon_page(8), pages[1]) == 0);
	CHECK(balloon_page_finalize(fixture.device, pages[2]) == 0);
	CHECK(balloon_page_isolate(fixture.map, balloon_page(9)) == 0);
	CHECK(balloon_page_putback(fixture.map, balloon_page(9)) == 0);
	CHECK(balloon_pages_dequeue(fixture.other, got, 1) == 1);
	CHECK(balloon_pages_isolate(fixture.map, &pages[3], 1) == 1);
	CHECK(balloon_pages_dequeue(fixture.device, got, 4) == 2);
	bool is_new_first = got[0].index == 8;
	CHECK(is_new_first == (strategy->order == BALLOON_ORDER_LIFO));
	CHECK(balloon_pages_dequeue(fixture.device, got, 4) == -EAGAIN);
	CHECK(balloon_page_finalize(fixture.device, pages[3]) == 0);
	CHECK(balloon_pages_dequeue(fixture.device, got, 4) == 0); /* none */
	FILE *rows = close_fixture(&fixture);
	hold_header(rows);
	const char *const expected[] = {"inflate,1001,,,", "inflate,1002,,,", "inflate,1003,,,",
		"inflate,1004,,,", "isolate,1001,,1,", "isolate,1002,,1,", "isolate,1003,,1,",
		"putback,1001,,,", "migrate,1002,1008,0,", "finalize,1003,,,", "isolate,1004,,1,",
		"leak_begin,,,4,", is_new_first ? "deflate,1008,,," : "deflate,1001,,,",
		is_new_first ? "deflate,1001,,," : "deflate,1008,,,", "leak_end,,,2,",
		"deflate_none,,,,", "finalize,1004,,,"};
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		hold(rows, expected[i]);
	CHECK(fgetc(rows) == EOF);
	fclose(rows);
}

/* As pipes, signals and full disks have it. */
static void rows_may_be_written_in_pieces(const struct balloon_strategy *strategy)
{
	is_interrupted = true;
	for (write_max = 1; write_max < 100; write_max *= 7)
		each_operation_has_its_rows(strategy);
	is_interrupted = false;
	write_max = SIZE_MAX;
}

/* One device at a time: the next that is created once the first is destroyed, at whatever address. */
static void the_next_device_is_recorded(const struct balloon_strategy *strategy)
{
	struct fixture fixture;
	struct balloon_page got;
	open_fixture(&fixture, strategy, FIRST_PFN);
	CHECK(balloon_page_insert(fixture.device, balloon_page(1)) == 0);
	CHECK(balloon_device_destroy(fixture.map, fixture.device) == -EBUSY);
	CHECK(balloon_page_dequeue(fixture.device, &got) == 1);
	CHECK(balloon_device_destroy(fixture.map, fixture.device) == 0);
	CHECK(balloon_page_insert(fixture.other, balloon_page(2)) == 0); /* no row */
	CHECK(balloon_page_dequeue(fixture.other, &got) == 1);
	CHECK(balloon_device_destroy(fixture.map, fixture.other) == 0);
	CHECK(balloon_device_create(fixture.map, NULL, &fixture.other) == 0);
	CHECK(balloon_device_create(fixture.map, NULL, &fixture.device) == 0);
	CHECK(balloon_page_insert(fixture.other, balloon_page(3)) == 0);
	CHECK(balloon_page_insert(fixture.device, balloon_page(4)) == 0); /* none */
	CHECK(balloon_page_dequeue(fixture.other, &got) == 1);
	CHECK(balloon_page_dequeue(fixture.device, &got) == 1);
	/* Its end is not that of the one that is recorded. */
	CHECK(balloon_device_destroy(fixture.map, fixture.device) == 0);
	CHECK(balloon_device_create(fixture.map, NULL, &fixture.device) == 0);
	CHECK(balloon_page_insert(fixture.device, balloon_page(5)) == 0); /* none */
	CHECK(balloon_page_insert(fixture.other, balloon_page(6)) == 0);
	CHECK(balloon_page_dequeue(fixture.other, &got) == 1);
	CHECK(balloon_page_dequeue(fixture.device, &got) == 1);
	FILE *rows = close_fixture(&fixture);
	hold_header(rows);
	const char *const expected[] = {"inflate,1001,,,", "inflate,1003,,,", "inflate,1006,,,"};
	for (size_t i = 0; i < 3; i++) {
		hold(rows, expected[i]);
		hold(rows, "leak_begin,,,1,");
		hold(rows, "deflate,");
		hold(rows, "leak_end,,,1,");
	}
	CHECK(fgetc(rows) == EOF);
	fclose(rows);
}

/* Rows have page frame numbers of 32 bits; where the map's need more, they are counted from its first page. */
static void check_numbers(
	const struct balloon_strategy *strategy, uint64_t first_pfn, uint64_t first)
{
	struct fixture fixture;
	struct balloon_page got;
	char expected[64];
	open_fixture(&fixture, strategy, first_pfn);
	CHECK(balloon_page_insert(fixture.device, balloon_page(N_PAGES - 1)) == 0);
	CHECK(balloon_page_dequeue(fixture.device, &got) == 1);
	FILE *rows = close_fixture(&fixture);
	hold_header(rows);
	snprintf(expected, sizeof(expected), "inflate,%llu,,,",
		(unsigned long long)first + N_PAGES - 1);
	hold(rows, expected);
	fclose(rows);
}

static void numbers_have_32_bits(const struct balloon_strategy *strategy)
{
	const uint64_t last = UINT64_C(0x100000000) - N_PAGES;
	check_numbers(strategy, last, last);
	check_numbers(strategy, last + 1, 0);
	check_numbers(strategy, UINT64_C(1) << 40, 0);
}

/* Where, and who: a name may hold anything, and in a row it is a word. A kernel that does not say where is as one of
 * a single processor. */
static void check_actor(
	const struct balloon_strategy *strategy, const char *name, int on_cpu, const char *expected)
{
	struct fixture fixture;
	struct balloon_page got;
	char before[16];
	CHECK(prctl(PR_GET_NAME, before) == 0 && prctl(PR_SET_NAME, name) == 0);
	cpu = on_cpu;
	open_fixture(&fixture, strategy, FIRST_PFN);
	CHECK(balloon_page_insert(fixture.device, balloon_page(1)) == 0);
	CHECK(balloon_page_dequeue(fixture.device, &got) == 1);
	CHECK(prctl(PR_SET_NAME, before) == 0);
	FILE *rows = close_fixture(&fixture);
	hold_header(rows);
	hold(rows, expected);
	fclose(rows);
}

static void rows_say_who_and_where(const struct balloon_strategy *strategy)
{
	check_actor(strategy, "worker", 3, "inflate,1001,,,3,worker\n");
	check_actor(strategy, "x", 0, "inflate,1001,,,0,x\n");
	check_actor(strategy, "", -1, "inflate,1001,,,0,?\n");
	check_actor(strategy, "a b,c\"d\x7f\te!~", 12, "inflate,1001,,,12,a_b_c_d__e!~\n");
	check_actor(strategy, "fifteen letters and more", 1, "inflate,1001,,,1,fifteen_letters\n");
}

/* ---- Threads --------------------------------------------------------------------------------- */

struct worker {
	const struct fixture *fixture;
	uint32_t random;
	struct balloon_page owned[N_PAGES];
	uint32_t n_owned;
	struct balloon_page isolated[N_PAGES];
	uint32_t n_isolated;
};

static uint32_t below(struct worker *w, uint32_t n)
{
	w->random = w->random * UINT32_C(1664525) + UINT32_C(1013904223);
	return (uint32_t)((uint64_t)w->random * n >> 32);
}

static void give(struct worker *w, struct balloon_page page)
{
	w->owned[w->n_owned++] = page;
}

static void step(struct worker *w)
{
	struct balloon_page page = balloon_page(below(w, N_PAGES));
	switch (below(w, 6)) {
	case 0:
		if (w->n_owned > 0 &&
			balloon_page_insert(w->fixture->device, w->owned[w->n_owned - 1]) == 0)
			w->n_owned--;
		break;
	case 1:
		if (balloon_page_dequeue(w->fixture->device, &page) == 1)
			give(w, page);
		break;
	case 2:
		if (balloon_page_isolate(w->fixture->map, page) == 0)
			w->isolated[w->n_isolated++] = page;
		break;
	case 3:
		if (w->n_isolated > 0 &&
			balloon_page_putback(w->fixture->map, w->isolated[w->n_isolated - 1]) == 0)
			w->n_isolated--;
		break;
	case 4:
		if (w->n_isolated > 0 && w->n_owned > 0 &&
			balloon_page_migrate(w->fixture->device, w->owned[w->n_owned - 1],
				w->isolated[w->n_isolated - 1]) == 0)
			w->owned[w->n_owned - 1] = w->isolated[--w->n_isolated];
		break;
	default:
		if (w->n_isolated > 0 && balloon_page_finalize(w->fixture->device,
						 w->isolated[w->n_isolated - 1]) == 0)
			give(w, w->isolated[--w->n_isolated]);
	}
}

static void *work(void *argument)
{
	for (uint32_t n = 0; n < N_STEPS; n++)
		step(argument);
	return NULL;
}

static void move(enum state *state, enum state from, enum state to)
{
	CHECK(*state == from);
	*state = to;
}

/* Returns how many rows there are. Each page is where the rows before left it. */
static uint64_t follow(FILE *rows, enum state *states)
{
	char line[256];
	uint64_t n_rows = 0;
	unsigned long long last_ns = 0;
	hold_header(rows);
	while (fgets(line, sizeof(line), rows)) {
		unsigned long long time_ns;
		char op[16];
		unsigned pfn = 0, new_pfn = 0;
		CHECK(sscanf(line, "%llu,%15[a-z_],%u,%u", &time_ns, op, &pfn, &new_pfn) >= 2);
		CHECK(time_ns >= last_ns && pfn < N_PAGES && new_pfn < N_PAGES);
		last_ns = time_ns;
		n_rows++;
		if (strcmp(op, "inflate") == 0)
			move(&states[pfn], ABSENT, LISTED);
		else if (strcmp(op, "deflate") == 0)
			move(&states[pfn], LISTED, ABSENT);
		else if (strcmp(op, "isolate") == 0)
			move(&states[pfn], LISTED, ISOLATED);
		else if (strcmp(op, "putback") == 0)
			move(&states[pfn], ISOLATED, LISTED);
		else if (strcmp(op, "finalize") == 0)
			move(&states[pfn], ISOLATED, ABSENT);
		else if (strcmp(op, "migrate") == 0) {
			move(&states[pfn], ISOLATED, ABSENT);
			move(&states[new_pfn], ABSENT, LISTED);
		}
	}
	return n_rows;
}

static void rows_are_in_an_order_that_can_be(const struct balloon_strategy *strategy)
{
	struct fixture fixture;
	pthread_t threads[N_THREADS];
	static struct worker workers[N_THREADS];
	enum state states[N_PAGES] = {ABSENT};
	struct balloon_page page;
	struct balloon_recorder_stats stats;
	memset(workers, 0, sizeof(workers));
	open_fixture(&fixture, strategy, 0);
	for (uint32_t i = 0; i < N_THREADS; i++) {
		workers[i].fixture = &fixture;
		workers[i].random = i;
	}
	for (uint32_t i = 0; i < N_PAGES; i++)
		give(&workers[i % N_THREADS], balloon_page(i));
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	for (uint32_t i = 0; i < N_THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (uint32_t i = 0; i < N_THREADS; i++)
		while (workers[i].n_isolated > 0)
			CHECK(balloon_page_putback(fixture.map,
				      workers[i].isolated[--workers[i].n_isolated]) == 0);
	while (balloon_page_dequeue(fixture.device, &page) == 1)
		;
	CHECK(balloon_recorder_stats(fixture.recorder, &stats) == 0);
	FILE *rows = close_fixture(&fixture);
	CHECK(follow(rows, states) == stats.n_rows);
	for (uint32_t i = 0; i < N_PAGES; i++)
		CHECK(states[i] == ABSENT);
	fclose(rows);
}

/* ---- What goes wrong ------------------------------------------------------------------------- */

static void what_cannot_be_written_is_counted(const struct balloon_strategy *strategy)
{
	struct fixture fixture;
	struct balloon_recorder_stats stats;
	open_fixture(&fixture, strategy, 0);
	CHECK(balloon_page_insert(fixture.device, balloon_page(0)) == 0);
	CHECK(balloon_recorder_flush(fixture.recorder) == 0);
	CHECK(fcntl(fixture.file, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	for (uint32_t i = 1; i < N_PAGES; i++)
		CHECK(balloon_page_insert(fixture.device, balloon_page(i)) == 0);
	CHECK(balloon_recorder_flush(fixture.recorder) == -EPERM);
	struct balloon_page page;
	for (uint32_t i = 0; i < N_PAGES; i++) /* the balloon goes on */
		CHECK(balloon_page_dequeue(fixture.device, &page) == 1);
	CHECK(balloon_recorder_stats(fixture.recorder, &stats) == 0);
	CHECK(stats.n_rows == 1 && stats.n_lost == N_PAGES - 1 + 3 * N_PAGES);
	CHECK(balloon_device_destroy(fixture.map, fixture.device) == 0);
	CHECK(balloon_device_destroy(fixture.map, fixture.other) == 0);
	CHECK(balloon_memmap_destroy(fixture.map) == 0);
	CHECK(balloon_recorder_destroy(fixture.recorder) == -EPERM);
	close(fixture.file);
}

static void misuse_is_refused(const struct balloon_strategy *strategy)
{
	struct balloon_recorder *recorder = NULL;
	struct balloon_recorder_config config = {.strategy = strategy, .descriptor = -1};
	CHECK(balloon_recorder_create(&config, &recorder) == -EBADF);
	CHECK(balloon_recorder_create(NULL, &recorder) == -EINVAL);
	CHECK(balloon_recorder_create(&config, NULL) == -EINVAL);
	config.descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(balloon_recorder_create(&config, &recorder) == -ENOSPC);
	config.strategy = NULL;
	CHECK(balloon_recorder_create(&config, &recorder) == -ENOENT);
	close(config.descriptor);
	config = (struct balloon_recorder_config){.strategy = strategy, .descriptor = new_file()};
	write_max = 0; /* nor does it say why */
	CHECK(balloon_recorder_create(&config, &recorder) == -EIO);
	write_max = SIZE_MAX;
	close(config.descriptor);
	CHECK(!recorder && !balloon_recorder_strategy(NULL));
	CHECK(balloon_recorder_flush(NULL) == -EINVAL);
	CHECK(balloon_recorder_stats(NULL, NULL) == -EINVAL);
	CHECK(balloon_recorder_destroy(NULL) == -EINVAL);
}

int main(void)
{
	for (size_t i = 0; balloon_strategy_at(i); i++) {
		each_operation_has_its_rows(balloon_strategy_at(i));
		rows_may_be_written_in_pieces(balloon_strategy_at(i));
		the_next_device_is_recorded(balloon_strategy_at(i));
		numbers_have_32_bits(balloon_strategy_at(i));
		rows_say_who_and_where(balloon_strategy_at(i));
		rows_are_in_an_order_that_can_be(balloon_strategy_at(i));
		what_cannot_be_written_is_counted(balloon_strategy_at(i));
	}
	misuse_is_refused(balloon_strategy_at(0));
	return 0;
}
