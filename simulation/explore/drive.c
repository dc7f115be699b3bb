/* SPDX-License-Identifier: MIT */

#include "explore/drive.h"

#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "explore/driver-history.h"
#include "explore/past.h"
#include "simulation.h"
#include "text.h"

enum {
	CALLS_MAX = 2,
	PAGES = 4,
	PAGES_AT_START = 2,
	REQUEST_PAGES = 2,
	REQUESTS = 2,
};

/* Longer than everything that ends: a wait for a lock, and one for the host. */
static const uint64_t long_ns = UINT64_C(20000000);

static struct {
	const struct drive *drive;
	struct engine_thread threads[DRIVE_THREADS + 1];
	struct search_subject subject;
	struct scenario scenario; /* the simulation's: what can happen */
	struct sim_choice choice;
	uint32_t n_ended;
	stage_watch watch;
	size_t n_bytes; /* of the driver */
	/* Of history. */
	const struct historical_driver_form *form; /* NULL: the library's driver */
	struct balloon_page users[PAGES];          /* frames that are somebody else's */
	uint32_t n_users;
	bool waits_for_memory; /* a fill does */
	bool was_relieved;     /* a relief was tried */
} drive;

/* ---- What threads do ------------------------------------------------------------------------- */

static void fill(void)
{
	if (drive.form)
		past_fill(REQUEST_PAGES);
	else
		sim_fill(REQUEST_PAGES);
}

static void leak(void)
{
	if (drive.form)
		past_leak(REQUEST_PAGES);
	else
		sim_leak(REQUEST_PAGES);
}

static uint32_t n_listed(void)
{
	const struct balloon_device *device =
		drive.form ? past_device() : balloon_driver_device(sim->driver);
	return (uint32_t)device->stats.n_listed;
}

/* Frames that the host has not got. */
static uint32_t n_in_hand(void)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < PAGES; i++)
		n += sim->source.is[i] == FRAME_DRIVERS && sim->host.pages[i] == PAGE_GUEST;
	return n;
}

/* What was so when the relief began still is: in these scenarios, nobody else takes pages out. */
static void check_nothing(bool was_waiting, uint32_t n_listed_before)
{
	SIM_CHECK(!was_waiting || n_in_hand() == 0,
		"nothing is relieved, and a fill that waits for memory has %u frames",
		(unsigned)n_in_hand());
	SIM_CHECK(n_listed_before == 0 || n_listed() == 0,
		"nothing is relieved, and the balloon has %u pages", (unsigned)n_listed());
}

static void relieve(void)
{
	bool was_waiting = drive.waits_for_memory;
	uint32_t n_before = n_listed();
	int result = drive.form ? past_relieve(1) : sim_relieve(1);
	if (drive.drive->hazard && result == 0)
		check_nothing(was_waiting, n_before);
	drive.was_relieved = true;
}

/* Without waiting for a lock. */
static void migrate(void)
{
	sim_migrate(1, NULL);
}

static void migrate_and_wait(void)
{
	uint64_t deadline_ns = engine_now_ns() + long_ns;
	sim_migrate(1, &deadline_ns);
}

static void scan(void)
{
	sim_scan(1, 0);
}

static void retarget(void)
{
	sim_set_target(PAGES_AT_START - 1);
}

static void run(void)
{
	sim_run_untold(engine_now_ns() + long_ns);
}

static void stop(void)
{
	sim_stop(engine_now_ns() + long_ns);
}

static void reset(void)
{
	sim_reset();
}

static void quiesce(void)
{
	sim_quiesce(engine_now_ns() + long_ns);
}

static void resume(void)
{
	sim_resume();
}

/* ---- Scenarios ------------------------------------------------------------------------------- */

struct program {
	const char *name;
	void (*calls[CALLS_MAX])(void);
	bool is_pair_only; /* not in triples: they would be too many */
};

static const struct program programs[] = {
	{"fill", {fill}, false},
	{"leak", {leak}, false},
	{"relieve", {relieve}, false},
	{"migrate", {migrate}, false},
	{"migrate.wait", {migrate_and_wait}, true},
	{"stop", {stop}, false},
	{"target+run", {retarget, run}, true},
	{"quiesce+resume", {quiesce, resume}, true},
	{"scan", {scan}, true},
	{"step", {sim_step}, true},
	{"progress", {sim_look}, true},
	{"stop+reset", {stop, reset}, true},
};
enum { N_PROGRAMS = sizeof(programs) / sizeof(programs[0]), DRIVES_MAX = 256 };

/* The thread after the last one is the host. */
static void add(struct drives *drives, const struct drive *made)
{
	struct drive *added = &drives->all[drives->n++];
	*added = *made;
	added->name[0] = '\0';
	for (uint32_t i = 0; i < made->n_threads; i++)
		text_append(added->name, sizeof(added->name), "%s%s", i ? "|" : "",
			programs[made->programs[i]].name);
}

static void add_threads(
	struct drives *drives, struct drive *made, uint32_t n_threads, uint32_t first)
{
	if (made->n_threads == n_threads) {
		add(drives, made);
		return;
	}
	for (uint32_t i = first; i < N_PROGRAMS; i++) {
		if (n_threads > 2 && programs[i].is_pair_only)
			continue;
		made->programs[made->n_threads++] = i;
		add_threads(drives, made, n_threads, i);
		made->n_threads--;
	}
}

bool drives_generate(struct drives *drives, bool with_triples)
{
	struct drive made = {.n_threads = 0};
	*drives = (struct drives){calloc(DRIVES_MAX, sizeof(*drives->all)), 0};
	if (!drives->all)
		return false;
	for (uint32_t n_threads = 2; n_threads <= (with_triples ? 3u : 2u); n_threads++)
		add_threads(drives, &made, n_threads, 0);
	return true;
}

/* ---- Of history ------------------------------------------------------------------------------ */

static uint32_t find_program(const char *name, size_t length)
{
	uint32_t i = 0;
	while (strlen(programs[i].name) != length || strncmp(programs[i].name, name, length) != 0)
		i++;
	return i;
}

static void make(const struct driver_hazard *hazard, struct drive *made)
{
	text_append(made->name, sizeof(made->name), "historical:%s", hazard->name);
	made->hazard = hazard;
	for (const char *name = hazard->threads; *name; name += *name == '|') {
		size_t length = strcspn(name, "|");
		made->programs[made->n_threads++] = find_program(name, length);
		name += length;
	}
}

bool drives_of_history(struct drives *drives)
{
	*drives = (struct drives){calloc(DRIVES_MAX, sizeof(*drives->all)), 0};
	for (; drives->all && driver_history_hazard(drives->n); drives->n++)
		make(driver_history_hazard(drives->n), &drives->all[drives->n]);
	return drives->all;
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void perform(void *context)
{
	const struct program *program = context;
	for (uint32_t i = 0; i < CALLS_MAX && program->calls[i]; i++)
		program->calls[i]();
	drive.n_ended++;
}

static bool have_ended(void)
{
	return drive.n_ended == drive.drive->n_threads;
}

static void be_host(void *unused)
{
	(void)unused;
	host_work_until(have_ended);
}

/* ---- What a design is about ------------------------------------------------------------------ */

static bool is_design(const char *name)
{
	return drive.choice.design == balloon_driver_design_find(name);
}

static const struct balloon_batch *batch_of(const struct balloon_request *request)
{
	for (uint32_t i = 0; i < sim->driver->n_batches; i++)
		if (&sim->driver->batches[i].request == request)
			return &sim->driver->batches[i];
	return NULL;
}

/* What the host has, and has its time for, by route; and of that what is relief. */
struct asked {
	uint32_t n[N_ROUTES];
	uint32_t n_reliefs;
};

static struct asked count_asked(void)
{
	struct asked asked = {.n_reliefs = 0};
	for (uint32_t i = 0; i < sim->host.n_entries; i++) {
		const struct host_entry *entry = &sim->host.entries[i];
		const struct balloon_batch *batch =
			entry->n_pages > 0 ? batch_of(entry->request) : NULL;
		if (!batch || batch->life.state == LIFE_LATE)
			continue;
		asked.n[batch->life.route]++;
		asked.n_reliefs += batch->is_relief;
	}
	return asked;
}

static void check_asked(void)
{
	struct asked asked = count_asked();
	bool has_fill = asked.n[ROUTE_FILL] > 0;
	bool has_leak = asked.n[ROUTE_LEAK] > 0;
	bool migrates = asked.n[ROUTE_NEW] > 0 || asked.n[ROUTE_OLD] > 0;
	SIM_CHECK(!has_fill || !has_leak || (!is_design("coarse") && !is_design("alloc-outside")),
		"the host is asked by a fill and by a leak at once, and there is one lock");
	SIM_CHECK(!migrates || (!has_fill && !has_leak),
		"the host is asked by a migration, and by somebody else at once");
	SIM_CHECK(!is_design("split-coalesce") || asked.n_reliefs < 2,
		"two reliefs ask the host, and one could have joined the other");
}

/* The request is the one whose pages these are to be. */
static void check_allocating(const struct balloon_page *pages)
{
	for (uint32_t i = 0; i < sim->driver->n_batches; i++) {
		const struct balloon_batch *batch = &sim->driver->batches[i];
		if (pages < batch->request.pages || pages >= batch->request.pages + REQUEST_PAGES)
			continue;
		bool is_locked = batch->lock != BALLOON_DRIVER_NO_LOCK;
		SIM_CHECK(is_locked == is_design("coarse"), "frames are allocated %s",
			is_locked ? "under a lock" : "without the lock");
	}
}

static bool is_relief_tried(void *unused)
{
	(void)unused;
	return drive.was_relieved;
}

/* Where memory has run out: what is allocated waits for a relief. */
static void wait_for_memory(void)
{
	if (!drive.drive->hazard->waits_for_memory || sim->source.n_free > 0)
		return;
	drive.waits_for_memory = true;
	engine_wait_until(is_relief_tried, NULL);
	drive.waits_for_memory = false;
}

static void look_at_allocating(const struct balloon_page *pages)
{
	if (!drive.form)
		check_allocating(pages);
	if (drive.drive->hazard)
		wait_for_memory();
}

/* ---- The end --------------------------------------------------------------------------------- */

static void reset_all(void)
{
	uint64_t until_ns = engine_now_ns() + long_ns;
	int result;
	while ((result = sim_reset()) != 0 && engine_now_ns() < until_ns)
		sim_stop(engine_now_ns() + long_ns);
	SIM_CHECK(result == 0, "reset returns %d, and nobody is in its way", result);
}

static void come_to_rest(void)
{
	uint64_t for_ns = 1000 * long_ns;
	int result = sim_quiesce(engine_now_ns() + for_ns);
	SIM_CHECK(result == 0, "quiesce returns %d, and nobody is in its way", result);
	sim_check_rest();
	sim_resume();
	sim_set_target(0);
	result = sim_run_untold(engine_now_ns() + for_ns);
	SIM_CHECK(result == 0, "a balloon of no pages is not reached with a good host: %d", result);
}

static void look_at_end(void)
{
	sim->choice.host = HOST_AT_ONCE;
	source_give(drive.users, drive.n_users);
	if (drive.form) {
		past_check_rest();
		return;
	}
	if (sim->is_stopping)
		reset_all();
	else
		come_to_rest();
	sim_check_empty();
}

static void begin(void)
{
	drive.n_ended = 0;
	drive.waits_for_memory = false;
	drive.was_relieved = false;
}

static void look_at_access(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	(void)thread, (void)size_bytes, (void)kind, (void)where;
	engine_guard_look(place);
}

static void show_access(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	drive.watch(thread, place, size_bytes, kind, where);
	engine_guard_look(place);
}

/* ---- The start ------------------------------------------------------------------------------- */

static void set_up_driver(uint32_t n_pages)
{
	sim_set_up();
	sim->asked = check_asked;
	sim_set_target(n_pages);
	if (n_pages > 0)
		sim_fill(n_pages);
}

static void set_up(void *unused)
{
	(void)unused;
	const struct driver_hazard *hazard = drive.drive->hazard;
	uint32_t n_pages = hazard ? hazard->n_at_start : PAGES_AT_START;
	sim->choice = drive.choice;
	sim->choice.host = HOST_AT_ONCE;
	if (drive.form) {
		sim_set_up_around();
		past_set_up(drive.form, n_pages);
	} else {
		set_up_driver(n_pages);
	}
	SIM_CHECK(host_n_held() == n_pages, "the balloon cannot be filled");
	drive.n_users = 0;
	if (hazard)
		drive.n_users = source_take(drive.users, sim->source.n_free - hazard->n_free);
	sim->allocating = look_at_allocating;
	sim->choice.host = HOST_EXPLORED;
}

static void choose_what(
	const struct balloon_driver_design *design, const struct balloon_strategy *strategy)
{
	drive.scenario = (struct scenario){.name = "explored"};
	for (uint32_t i = 0; i < drive.drive->n_threads; i++)
		if (!strncmp(programs[drive.drive->programs[i]].name, "migrate", 7))
			drive.scenario.weights[CALL_MIGRATE] = 1;
	drive.choice = (struct sim_choice){.scenario = &drive.scenario,
		.strategy = strategy,
		.design = design,
		.n_pages = PAGES,
		.request_pages = REQUEST_PAGES,
		.n_requests = REQUESTS};
}

static void set_up_threads(void)
{
	static const char *const names[DRIVE_THREADS] = {"a", "b", "c"};
	uint32_t n = drive.drive->n_threads;
	for (uint32_t i = 0; i < n; i++)
		drive.threads[i] = (struct engine_thread){
			names[i], perform, (void *)(uintptr_t)&programs[drive.drive->programs[i]]};
	drive.threads[n] = (struct engine_thread){"host", be_host, NULL};
	drive.subject = (struct search_subject){.threads = drive.threads,
		.n_threads = n + 1,
		.begin = begin,
		.access = look_at_access,
		.end = look_at_end};
}

bool drive_open(const struct drive *what, const struct balloon_driver_design *design,
	const struct balloon_strategy *strategy, struct engine_report *report)
{
	static const struct engine_thread setter = {"setup", set_up, NULL};
	const struct search_subject subject = {.threads = &setter, .n_threads = 1};
	static const struct search_schedule schedule = {.n_switches = 1};
	bool is_asserted;
	engine_clear();
	sim_open();
	drive.drive = what;
	drive.form = driver_history_form(design);
	choose_what(design, strategy);
	set_up_threads();
	if (search_replay(&subject, &schedule, report, &is_asserted))
		return false;
	engine_snapshot();
	if (!drive.form)
		balloon_driver_size(&sim->config, &drive.n_bytes);
	return true;
}

/* ---- For people ------------------------------------------------------------------------------ */

static const struct search_subject *subject(void)
{
	return &drive.subject;
}

static void watch(stage_watch watcher)
{
	drive.watch = watcher;
	drive.subject.access = watcher ? show_access : look_at_access;
}

static void name_thread(uint32_t thread, char *text, size_t size)
{
	bool is_host = thread == drive.drive->n_threads;
	text_append(
		text, size, "%s", is_host ? "host" : programs[drive.drive->programs[thread]].name);
}

static bool lies_in(const volatile void *place, const void *start, size_t n_bytes)
{
	return (uintptr_t)place - (uintptr_t)start < n_bytes;
}

static void name_place(const volatile void *place, char *text, size_t size)
{
	const struct balloon_driver *driver = sim->driver;
	uintptr_t at = (uintptr_t)place;
	*text = '\0';
	if (!place)
		return;
	if (lies_in(place, driver->batches, driver->n_batches * sizeof(*driver->batches)))
		text_append(text, size, "request %u+%u",
			(unsigned)((at - (uintptr_t)driver->batches) / sizeof(*driver->batches)),
			(unsigned)((at - (uintptr_t)driver->batches) % sizeof(*driver->batches)));
	else if (lies_in(place, driver, drive.n_bytes))
		text_append(text, size, "driver+%u", (unsigned)(at - (uintptr_t)driver));
	else if (lies_in(place, &sim->host, sizeof(sim->host)))
		text_append(text, size, "channel+%u", (unsigned)(at - (uintptr_t)&sim->host));
	else if (lies_in(place, sim, sizeof(*sim)))
		text_append(text, size, "world+%u", (unsigned)(at - (uintptr_t)sim));
	else if (at > (uintptr_t)sim && at < (uintptr_t)driver)
		text_append(text, size, "map+%u", (unsigned)(at - (uintptr_t)sim->map));
	else
		text_append(text, size, "own");
}

/* The target and what is acknowledged; frames in the places on their way; who holds the design's locks. */
static const char *const counts[] = {
	"target", "acknowledged", "pending", "inflating", "enqueued", "deflating"};
enum { N_COUNTS = sizeof(counts) / sizeof(counts[0]) };

static uint32_t n_cells(void)
{
	return N_COUNTS + N_REQUEST_LOCKS;
}

static void show_cell(uint32_t number, struct stage_cell *cell)
{
	static const char *const directions[N_LOCK_DIRECTIONS] = {"fill", "leak", "migrate"};
	const struct balloon_driver *driver = sim->driver;
	const struct life_counts *now = &driver->state.counts;
	const uint32_t values[N_COUNTS] = {driver->target.value, (uint32_t)now->n_acknowledged,
		(uint32_t)now->places[PLACE_PENDING], (uint32_t)now->places[PLACE_INFLATING],
		(uint32_t)now->places[PLACE_ENQUEUED], (uint32_t)now->places[PLACE_DEFLATING]};
	cell->holder = STAGE_NOBODY;
	if (number < N_COUNTS) {
		snprintf(cell->name, sizeof(cell->name), "%s", counts[number]);
		snprintf(cell->value, sizeof(cell->value), "%u", (unsigned)values[number]);
		return;
	}
	const struct request_lock *lock = &driver->state.locks[number - N_COUNTS];
	snprintf(cell->name, sizeof(cell->name), "lock %u", (unsigned)(number - N_COUNTS));
	snprintf(cell->value, sizeof(cell->value), "%s",
		lock->n_holders ? directions[lock->direction] : "-");
}

const struct stage drive_stage = {
	.state_head = "target acknowledged pending inflating enqueued deflating locks",
	.subject = subject,
	.watch = watch,
	.name_thread = name_thread,
	.name_place = name_place,
	.n_cells = n_cells,
	.show_cell = show_cell,
};

const struct stage drive_stage_of_history = {
	.state_head = past_state_head,
	.subject = subject,
	.watch = watch,
	.name_thread = name_thread,
	.name_place = past_name_place,
	.n_cells = past_n_cells,
	.show_cell = past_show_cell,
};
