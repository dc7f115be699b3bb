/* SPDX-License-Identifier: MIT */
/*
 * The life of a request as tables, for docs/driver.md: from the table and the function that the driver uses.
 *
 *   life-table          print them
 *   life-table FILE     0: they stand in the file, between the marks; 1: something else does
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "driver/life.h"

static const char begin_mark[] = "<!-- life-table: begin -->\n";
static const char end_mark[] = "<!-- life-table: end -->\n";

static char text[16384];
static size_t n_text;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text + n_text, sizeof(text) - n_text, format, arguments);
	va_end(arguments);
	n_text += n > 0 ? (size_t)n : 0;
}

/* ---- Event and state ------------------------------------------------------------------------- */

static void put_states(void)
{
	put("| event |");
	for (unsigned state = 0; state < N_LIFE_STATES; state++)
		put(" %s |", life_state_name((enum life_state)state));
	put("\n| --- |");
	for (unsigned state = 0; state < N_LIFE_STATES; state++)
		put(" --- |");
	put("\n");
	for (unsigned event = 0; event < N_LIFE_EVENTS; event++) {
		put("| **%s** |", life_event_name((enum life_event)event));
		for (unsigned state = 0; state < N_LIFE_STATES; state++) {
			enum life_state next =
				life_next((enum life_event)event, (enum life_state)state);
			put(next == LIFE_NO_STATE ? " |" : " %s |", life_state_name(next));
		}
		put("\n");
	}
}

/* ---- Event and route ------------------------------------------------------------------------- */

static const char *const runtime_names[N_PLACES] = {
	[PLACE_OUTSIDE] = "outside",
	[PLACE_PENDING] = "pending",
	[PLACE_INFLATING] = "inflating",
	[PLACE_ENQUEUED] = "enqueued",
	[PLACE_DEFLATING] = "deflating",
	[PLACE_QUARANTINED] = "quarantined",
	[PLACE_SET_ASIDE] = "set aside",
};

static const char *const route_names[N_ROUTES] = {
	[ROUTE_FILL] = "fill",
	[ROUTE_LEAK] = "leak",
	[ROUTE_QUARANTINE] = "quarantine",
	[ROUTE_NEW] = "new page",
	[ROUTE_OLD] = "old page",
};

static const struct {
	unsigned effects;
	const char *name;
} effects_names[] = {
	{LIFE_UNLOCK_ANSWERED | LIFE_UNLOCK_PLACED, "unlock"},
	{LIFE_ACCOUNT_IN | LIFE_ACCOUNT_OUT, "account"},
	{LIFE_INSERT, "insert"},
	{LIFE_FREE_FRAMES, "free"},
	{LIFE_WAKE, "wake"},
};

/* What life.h says of an event, beside its states. */
static bool is_of_route(enum life_event event, enum life_route route)
{
	switch (event) {
	case LIFE_ALLOCATED:
	case LIFE_RECLAIMED:
	case LIFE_SEAL:
	case LIFE_SET_ASIDE:
		return route == ROUTE_FILL;
	case LIFE_GOT:
		return route != ROUTE_FILL;
	case LIFE_KEPT:
		return route == ROUTE_OLD;
	default:
		return true;
	}
}

/* Let it happen to one page, in the first state in which it can. Returns the effects. */
static unsigned try(
	enum life_event event, enum life_route route, enum life_place *from, enum life_place *to)
{
	bool is_end = event == LIFE_GIVE_UP || event == LIFE_PLACED;
	struct life life = {.route = route, .n_planned = 2, .n_pages = is_end ? 0 : 1};
	struct life_counts counts = {
		.n_planned_in = 2, .n_planned_out = 2, .n_overdue = 1, .n_busy = 1, .n_left = 1};
	*from = *to = PLACE_OUTSIDE;
	for (unsigned place = PLACE_OUTSIDE + 1; place < N_PLACES; place++)
		counts.places[place] = 1;
	while (life_next(event, life.state) == LIFE_NO_STATE)
		life.state++;
	unsigned effects = life_step(&counts, &life, event, 1);
	for (unsigned place = PLACE_OUTSIDE + 1; place < N_PLACES; place++) {
		if (counts.places[place] < 1)
			*from = (enum life_place)place;
		if (counts.places[place] > 1)
			*to = (enum life_place)place;
	}
	return effects;
}

static void put_moves_of(enum life_event event)
{
	unsigned effects = 0;
	put("| **%s** |", life_event_name(event));
	for (unsigned route = 0; route < N_ROUTES; route++) {
		enum life_place from = PLACE_OUTSIDE;
		enum life_place to = PLACE_OUTSIDE;
		bool is_there = is_of_route(event, (enum life_route)route);
		if (is_there)
			effects |= try(event, (enum life_route)route, &from, &to);
		if (from != to)
			put(" %s → %s |", runtime_names[from], runtime_names[to]);
		else
			put(is_there ? " stay |" : " |");
	}
	const char *before = " ";
	for (size_t i = 0; i < sizeof(effects_names) / sizeof(effects_names[0]); i++)
		if (effects & effects_names[i].effects) {
			put("%s%s", before, effects_names[i].name);
			before = ", ";
		}
	put(" |\n");
}

static void put_moves(void)
{
	put("| event |");
	for (unsigned route = 0; route < N_ROUTES; route++)
		put(" %s |", route_names[route]);
	put(" may follow |\n| --- |");
	for (unsigned route = 0; route < N_ROUTES; route++)
		put(" --- |");
	put(" --- |\n");
	for (unsigned event = 0; event < N_LIFE_EVENTS; event++)
		put_moves_of((enum life_event)event);
}

/* ---- The document ---------------------------------------------------------------------------- */

static int compare(const char *path)
{
	static char document[1 << 18];
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		return 1;
	}
	size_t n = fread(document, 1, sizeof(document) - 1, file);
	fclose(file);
	document[n] = 0;
	if (strstr(document, text))
		return 0;
	fprintf(stderr,
		"%s: what stands between the marks is not what this program prints "
		"without a file\n",
		path);
	return 1;
}

int main(int argc, char **argv)
{
	put("%s\n", begin_mark);
	put_states();
	put("\n");
	put_moves();
	put("\n%s", end_mark);
	if (argc == 2)
		return compare(argv[1]);
	fputs(text, stdout);
	return argc == 1 ? 0 : 2;
}
