/* SPDX-License-Identifier: MIT */

#include "explore/exhibit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/driver-design.h>

#include "explore/driver-history.h"
#include "explore/history.h"
#include "explore/play.h"

struct exhibit exhibit_of(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	if (!design)
		return (struct exhibit){strategy, NULL, NULL, &play_stage};
	bool is_historical = driver_history_form(design);
	return (struct exhibit){strategy, design, design->name,
		is_historical ? &drive_stage_of_history : &drive_stage};
}

const char *exhibit_title(const struct exhibit *exhibit)
{
	static char title[96];
	snprintf(title, sizeof(title), "%s%s%s", exhibit->driver ? exhibit->driver : "",
		exhibit->driver ? " on " : "", exhibit->strategy->name);
	return title;
}

const char *exhibit_command(
	const struct exhibit *exhibit, const char *scenario, const char *schedule, bool is_race)
{
	static char command[SEARCH_TEXT_MAX + 256];
	snprintf(command, sizeof(command),
		"balloon-explore%s%s --strategy %s --scenario '%s'%s --replay %s",
		exhibit->driver ? " --driver " : "", exhibit->driver ? exhibit->driver : "",
		exhibit->strategy->name, scenario, is_race ? " --races" : "", schedule);
	return command;
}

bool menu_make(const struct options *options, struct menu *menu)
{
	bool has_triples = options->has_triples || options->scenario;
	bool is_done;
	*menu = (struct menu){.is_of_drivers = options->n_designs > 0};
	bool is_historical = command_is_historical(options);
	if (menu->is_of_drivers && is_historical)
		is_done = drives_of_history(&menu->drives);
	else if (menu->is_of_drivers)
		is_done = drives_generate(&menu->drives, has_triples);
	else if (is_historical)
		is_done = history_scenarios(&menu->pages);
	else
		is_done = scenarios_generate(&menu->pages, has_triples);
	menu->n = menu->is_of_drivers ? menu->drives.n : menu->pages.n;
	return is_done;
}

const char *menu_name(const struct menu *menu, size_t i)
{
	return menu->is_of_drivers ? menu->drives.all[i].name : menu->pages.all[i].name;
}

bool menu_wants(const struct options *options, const struct menu *menu, size_t i)
{
	if (!options->scenario || !strcmp(options->scenario, command_historical))
		return true;
	if (menu->is_of_drivers)
		return !strcmp(menu_name(menu, i), options->scenario);
	return scenario_is(&menu->pages.all[i], options->scenario);
}

const struct search_sign *menu_sign(const struct menu *menu, size_t i)
{
	if (!menu->is_of_drivers)
		return menu->pages.all[i].sign;
	return menu->drives.all[i].hazard ? &menu->drives.all[i].hazard->sign : NULL;
}

bool menu_open(const struct menu *menu, size_t i, const struct exhibit *exhibit,
	struct engine_report *report)
{
	if (exhibit->design)
		return drive_open(&menu->drives.all[i], exhibit->design, exhibit->strategy, report);
	return play_open(&menu->pages.all[i], exhibit->strategy, report);
}

void menu_clear(struct menu *menu)
{
	scenarios_free(&menu->pages);
	free(menu->drives.all);
}
