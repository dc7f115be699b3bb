/* SPDX-License-Identifier: MIT */
#include "claims.h"
#include "churn.h"

static void be_quick(struct balloon_driver_config *config)
{
	config->host_timeout_ns = MS;
	config->allocation_backoff_ns = MS / 20;
	config->relief_holdoff_ns = MS / 20;
	config->retry_ns = MS / 20;
}

DRIVER_CLAIM(threads, that_do_everything_at_once_leave_everything_right)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	const char *what = churn_run(&fixture, 4, 60, 1 + engine_choose(ENGINE_CHOOSE_VALUE, 1000));
	if (what)
		engine_fail(ENGINE_CLAIM, "%s", what);
}
