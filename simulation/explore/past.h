/* SPDX-License-Identifier: MIT */
/* A driver as it was, in the world of the simulation: in the place of the library's. */
#ifndef EXPLORE_PAST_H
#define EXPLORE_PAST_H

#include "../../strategies/historical/driver.h"
#include "explore/stage.h"

/** Make one, with so many pages that the host has; around it, sim_set_up_around() has made everything. */
void past_set_up(const struct historical_driver_form *form, uint32_t n_pages);

void past_fill(uint32_t n);
void past_leak(uint32_t n);
/** Returns how many pages went back. */
int past_relieve(uint32_t n);

const struct balloon_device *past_device(void);

/** All have ended: each page is in one place, the counts are right, and the host knows them. */
void past_check_rest(void);

/** For people; as struct stage has it. */
extern const char past_state_head[];
void past_name_place(const volatile void *place, char *text, size_t size);
uint32_t past_n_cells(void);
void past_show_cell(uint32_t number, struct stage_cell *cell);

#endif
