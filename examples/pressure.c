/* SPDX-License-Identifier: MIT */
/*
 * A program that gives memory back while the machine is short of it, and takes it again afterwards.
 *
 * How short it is, the kernel says: /proc/pressure/memory, or a cgroup's memory.pressure or
 * memory.events. The policy is small: above one limit give a step of memory up, below another one, for
 * a while, take a step again, in between do nothing; never less and never more than was said.
 *
 * The memory is what a program could do without, say buffers: here they are only written to.
 */

#define _GNU_SOURCE 1 /* getopt_long(), MAP_ANONYMOUS */

#include <balloon/balloon.h>
#include <balloon/driver.h>
#include <balloon/madvise.h>
#include <balloon/platform.h>
#include <balloon/zone.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, PAGES_PER_MIB = 256, EXIT_SKIP = 77 };
enum { QUIET_LOOKS = 3 }; /* so many in a row without pressure, before memory is taken again */
#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static const char default_file[] = "/proc/pressure/memory";

struct program {
	/* Set by options. */
	const char *file;
	uint64_t size_mib;
	uint64_t step_mib;
	uint64_t least_mib; /* what the program keeps in any case */
	uint64_t interval_ms;
	uint64_t seconds;
	double upper; /* per cent */
	double lower;

	char *memory;
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	struct balloon_channel *kernel;
	struct balloon_driver *driver;
	struct balloon_page *buffers; /* those in use, a stack */
	uint32_t n_buffers;

	/* Seen up to now, in a memory.events; at first more than there will ever be. */
	uint64_t n_events;
	uint32_t n_quiet; /* looks in a row */
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "pressure: %s: %s\n", what, why);
	exit(1);
}

static void expect(int result, const char *what)
{
	if (result < 0)
		fail(what, strerror(-result));
}

/* ---- How short memory is --------------------------------------------------------------------- */

/* Events since the last look mean that a limit of the cgroup was met: then it is as short as can be. */
static double level_of_events(struct program *p, const char *text)
{
	static const char *const kinds[] = {"high ", "max ", "oom "};
	uint64_t n_events = 0;
	uint64_t n_before = p->n_events;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *line = strstr(text, kinds[i]);
		if (!line)
			fail(p->file, "neither pressure nor events");
		n_events += strtoull(line + strlen(kinds[i]), NULL, 10);
	}
	p->n_events = n_events;
	return n_events > n_before ? 100 : 0;
}

/* The share of the last ten seconds in which something had to wait for memory, in per cent. */
static double look(struct program *p)
{
	char text[1024];
	FILE *file = fopen(p->file, "r");
	if (!file && errno == ENOENT && p->file == default_file) {
		fprintf(stderr, "pressure: %s: this kernel does not say\n", p->file);
		exit(EXIT_SKIP);
	}
	if (!file)
		fail(p->file, strerror(errno));
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	if (ferror(file)) /* as where the kernel has it switched off */
		fail(p->file, strerror(errno));
	fclose(file);
	text[n] = '\0';
	double level;
	return sscanf(text, "some avg10=%lf", &level) == 1 ? level : level_of_events(p, text);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void bring_balloon_to(struct program *p, uint64_t n_pages)
{
	expect(balloon_driver_set_target(p->driver, n_pages), "target");
	uint64_t deadline_ns = balloon_platform_now_ns() + 5 * NS_PER_S;
	expect(balloon_driver_run(p->driver, deadline_ns, NULL, NULL), "balloon");
}

static uint64_t n_in_balloon(struct program *p)
{
	struct balloon_driver_progress progress;
	expect(balloon_driver_progress(p->driver, &progress), "progress");
	return progress.n_acknowledged;
}

/* Do without so many buffers: they are the machine's. */
static void give_up(struct program *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		balloon_zone_free(p->zone, p->buffers[--p->n_buffers], 0);
	bring_balloon_to(p, n_in_balloon(p) + n);
}

/* Have so many more buffers. What was in them is gone. */
static void take(struct program *p, uint32_t n)
{
	uint64_t n_ballooned = n_in_balloon(p);
	bring_balloon_to(p, n_ballooned > n ? n_ballooned - n : 0);
	for (uint32_t end = p->n_buffers + n; p->n_buffers < end; p->n_buffers++) {
		struct balloon_page *buffer = &p->buffers[p->n_buffers];
		expect(balloon_zone_allocate(p->zone, 0, buffer), "buffers");
		memset(p->memory + (size_t)buffer->index * PAGE, 1, PAGE);
	}
}

static void build(struct program *p)
{
	uint32_t n_pages = (uint32_t)p->size_mib * PAGES_PER_MIB;
	p->memory = mmap(NULL, (size_t)n_pages * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	p->buffers = calloc(n_pages, sizeof(*p->buffers));
	if (p->memory == MAP_FAILED || !p->buffers)
		fail("memory", strerror(ENOMEM));
	const struct balloon_memmap_config map = {
		.strategy = balloon_strategy_find("isolated-bit"), .n_pages = n_pages};
	expect(balloon_memmap_create(&map, &p->map), "map");
	const struct balloon_zone_config zone = {.n_frames = n_pages};
	expect(balloon_zone_create(&zone, &p->zone), "zone");
	const struct balloon_madvise_config kernel = {.base = p->memory, .n_pages = n_pages};
	expect(balloon_madvise_create(&kernel, &p->kernel), "channel to the kernel");
	const struct balloon_driver_config driver = {
		.design = balloon_driver_design_find("alloc-outside"),
		.map = p->map,
		.frames = balloon_zone_frames(p->zone),
		.channel = p->kernel};
	expect(balloon_driver_create(&driver, &p->driver), "driver");
	take(p, n_pages);
}

static void take_apart(struct program *p)
{
	bring_balloon_to(p, 0);
	while (p->n_buffers > 0)
		balloon_zone_free(p->zone, p->buffers[--p->n_buffers], 0);
	expect(balloon_driver_validate(p->driver, NULL), "driver");
	expect(balloon_driver_destroy(p->driver), "driver");
	expect(balloon_madvise_destroy(p->kernel), "channel");
	expect(balloon_zone_destroy(p->zone), "zone");
	expect(balloon_memmap_destroy(p->map), "map");
	munmap(p->memory, (size_t)p->size_mib * PAGES_PER_MIB * PAGE);
	free(p->buffers);
}

/* ---- The policy ------------------------------------------------------------------------------ */

static void say(const struct program *p, double level, const char *what)
{
	printf("pressure %6.2f %%: %s, buffers %" PRIu32 ".%" PRIu32 " MiB\n", level, what,
		p->n_buffers / PAGES_PER_MIB, p->n_buffers % PAGES_PER_MIB * 10 / PAGES_PER_MIB);
	fflush(stdout);
}

static uint32_t smaller(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

static void decide(struct program *p, double level)
{
	uint64_t step = p->step_mib * PAGES_PER_MIB;
	uint32_t n_spare = p->n_buffers - (uint32_t)p->least_mib * PAGES_PER_MIB;
	uint32_t n_missing = (uint32_t)p->size_mib * PAGES_PER_MIB - p->n_buffers;
	p->n_quiet = level <= p->lower ? p->n_quiet + 1 : 0;
	if (level >= p->upper && n_spare > 0) {
		give_up(p, smaller(step, n_spare));
		say(p, level, "gave up");
	} else if (p->n_quiet >= QUIET_LOOKS && n_missing > 0) {
		take(p, smaller(step, n_missing));
		say(p, level, "took");
	}
}

static void run(struct program *p)
{
	const struct timespec interval = {.tv_sec = (time_t)(p->interval_ms / 1000),
		.tv_nsec = (long)(p->interval_ms % 1000 * NS_PER_MS)};
	double level = look(p);
	build(p);
	say(p, level, "began");
	uint64_t end_ns = balloon_platform_now_ns() + p->seconds * NS_PER_S;
	do {
		decide(p, level);
		nanosleep(&interval, NULL);
		level = look(p);
	} while (balloon_platform_now_ns() < end_ns);
	say(p, level, "ended");
	take_apart(p);
}

/* ---- Options --------------------------------------------------------------------------------- */

static const char help[] =
	"Usage: pressure [OPTION...]\n"
	"\n"
	"Has buffers, and gives them back to the machine as long as it is short of memory.\n"
	"\n"
	"  --file FILE    where that is said: in the form of /proc/pressure/memory (the default), "
	"of\n"
	"                 a cgroup's memory.pressure, or of its memory.events\n"
	"  --size MIB     buffers, at most (64)\n"
	"  --least MIB    and at least (8)\n"
	"  --step MIB     how many are given up or taken at once (8)\n"
	"  --upper P      give up from so many per cent on, \"some avg10\" (10)\n"
	"  --lower P      take again after three looks at no more than this (1)\n"
	"  --interval MS  between two looks (200)\n"
	"  --seconds S    how long all this goes on (3)\n"
	"  --help         this text\n"
	"\n"
	"Exit status: 0; 1 failure; 2 wrong usage; 77 there is no /proc/pressure/memory here.\n";

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "pressure: %s: %s (see --help)\n", what, value);
	exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t max)
{
	char *end;
	errno = 0;
	uint64_t n = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
	if (n == 0 || errno || *end || n > max)
		usage_error(option, text);
	return n;
}

static double percentage(const char *option, const char *text)
{
	char *end = NULL;
	double n = *text >= '0' && *text <= '9' ? strtod(text, &end) : -1;
	if (!end || *end || !(n >= 0 && n <= 100))
		usage_error(option, text);
	return n;
}

static void read_option(struct program *p, int option)
{
	switch (option) {
	case 'f':
		p->file = optarg;
		return;
	case 's':
		p->size_mib = number("--size", optarg, 1 << 23);
		return;
	case 'm':
		p->least_mib = number("--least", optarg, 1 << 23);
		return;
	case 'p':
		p->step_mib = number("--step", optarg, 1 << 23);
		return;
	case 'u':
		p->upper = percentage("--upper", optarg);
		return;
	case 'l':
		p->lower = percentage("--lower", optarg);
		return;
	case 'i':
		p->interval_ms = number("--interval", optarg, 3600000);
		return;
	case 't':
		p->seconds = number("--seconds", optarg, 1 << 30);
		return;
	case 'h':
		exit(fputs(help, stdout) < 0);
	default:
		exit(2); /* getopt_long() has said why */
	}
}

static void read_options(struct program *p, int argc, char **argv)
{
	static const struct option options[] = {{"file", 1, NULL, 'f'}, {"size", 1, NULL, 's'},
		{"least", 1, NULL, 'm'}, {"step", 1, NULL, 'p'}, {"upper", 1, NULL, 'u'},
		{"lower", 1, NULL, 'l'}, {"interval", 1, NULL, 'i'}, {"seconds", 1, NULL, 't'},
		{"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(p, option);
	if (argv[optind])
		usage_error("not an option", argv[optind]);
	if (p->least_mib > p->size_mib)
		usage_error("--least", "more than --size");
	if (p->lower >= p->upper)
		usage_error("--lower", "not below --upper");
}

int main(int argc, char **argv)
{
	struct program p = {.file = default_file,
		.size_mib = 64,
		.step_mib = 8,
		.least_mib = 8,
		.interval_ms = 200,
		.seconds = 3,
		.upper = 10,
		.lower = 1,
		.n_events = UINT64_MAX};
	read_options(&p, argc, argv);
	run(&p);
	return 0;
}
