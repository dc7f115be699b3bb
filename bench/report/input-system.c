/* SPDX-License-Identifier: MIT */
/* What balloon-bench system wrote. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/read.h"

static enum trial_kind read_kind(const struct node *object)
{
	static const char *const names[N_TRIAL_KINDS] = {
		"raw", "channel", "driver", "strategy", "heap"};
	struct node node = node_member(object, "kind");
	const char *text = member_text(object, "kind");
	for (enum trial_kind kind = TRIAL_RAW; text && kind < N_TRIAL_KINDS; kind++)
		if (strcmp(text, names[kind]) == 0)
			return kind;
	if (text)
		node_refuse(&node, "neither raw, channel, driver, strategy nor heap");
	return TRIAL_DRIVER;
}

/* -1: it does not apply. */
static int read_flag(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	return node_is_known(&node) ? member_flag(object, key, false) : -1;
}

static struct trial_setup read_setup(const struct node *object)
{
	return (struct trial_setup){.workload = member_name(object, "workload"),
		.subject = member_name(object, "subject"),
		.memory = member_text(object, "memory"),
		.channel = member_text(object, "channel"),
		.call = member_text(object, "call"),
		.order = member_text(object, "order"),
		.driver = member_text(object, "driver"),
		.strategy = member_text(object, "strategy"),
		.pattern = member_text(object, "pattern"),
		.other_thread = read_flag(object, "other_thread"),
		.fill = read_flag(object, "fill"),
		.pages = member_count(object, "pages", 0),
		.page_bytes = member_count(object, "page_bytes", 4096),
		.request = member_count(object, "request", 0),
		.host_us = member_count(object, "host_us", 0),
		.threads = member_count(object, "threads", 0)};
}

/* Of all, how many. */
static struct spread read_share(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	struct spread share = read_spread(object, key);
	if (share.max > 1)
		node_refuse(&node, "more than 1");
	return share;
}

static void read_shares(struct trial *trial, const struct node *object)
{
	trial->huge_share = read_share(object, "huge_share");
	trial->order_9_before = read_share(object, "order_9_before");
	trial->order_9_after = read_share(object, "order_9_after");
	trial->order_10_before = read_share(object, "order_10_before");
	trial->order_10_after = read_share(object, "order_10_after");
}

static struct spread read_ns(const struct node *object)
{
	struct node pair = node_member(object, "ns_per_pair");
	return read_spread(object, node_is_known(&pair) ? "ns_per_pair" : "ns_per_page");
}

static struct trial read_trial(const struct node *object, size_t input)
{
	struct trial trial = {.setup = read_setup(object),
		.kind = read_kind(object),
		.guarantee = member_text(object, "guarantee"),
		.n_repeats = member_count(object, "repeats", 0),
		.ns = read_ns(object),
		.rate = read_spread(object, "gib_per_s"),
		.deflate = read_spread(object, "deflate_ns_per_page"),
		.refault = read_spread(object, "refault_ns_per_page"),
		.refault_warm = read_spread(object, "refault_warm_ns_per_page"),
		.seconds = read_spread(object, "seconds"),
		.busy = read_spread(object, "busy"),
		.again = read_spread(object, "again"),
		.migrated = read_spread(object, "migrated"),
		.passes = read_spread(object, "passes"),
		.reference = read_spread(object, "reference_ns_per_page"),
		.times_reference = read_spread(object, "times_reference"),
		.recovery = read_latency(object, "recovery_ns"),
		.input = input};
	read_shares(&trial, object);
	return trial;
}

int load_trial(struct model *model, const struct node *object, size_t input)
{
	struct problem *problem = object->source->problem;
	struct trial trial = read_trial(object, input);
	if (read_ratios(object, &trial.ratios, &trial.n_ratios, problem) == 0 &&
		model_add_trial(model, &trial, problem) == 0)
		return 0;
	free(trial.ratios);
	return -1;
}
