/* SPDX-License-Identifier: MIT */
/* A host that answers each kind of request as it is told to. */
#ifndef COMPACTION_SCRIPT_H
#define COMPACTION_SCRIPT_H

#include <pthread.h>

#include <balloon/channel-ops.h>

enum script_answer {
	SCRIPT_DO,
	SCRIPT_HALF,   /* the first half, then -EIO */
	SCRIPT_REFUSE, /* -EIO */
	SCRIPT_KEEP,   /* no answer, until script_answer() */
	SCRIPT_ANSWERS,
};

enum { SCRIPT_KEPT_MAX = 16 };

struct script {
	struct balloon_channel channel;
	pthread_mutex_t mutex; /* protects the rest */
	pthread_cond_t has_kept;
	enum script_answer answers[2]; /* by enum balloon_request_kind */
	struct balloon_request *kept[SCRIPT_KEPT_MAX];
	size_t n_kept;
};

/** It does all requests. */
void script_init(struct script *script);
void script_fini(struct script *script);
void script_set(struct script *script, enum script_answer inflate, enum script_answer deflate);
/** Do what was kept, or refuse it, and do all that comes. */
void script_answer(struct script *script, bool is_done);
/** Wait until so many requests are kept. */
void script_wait_kept(struct script *script, size_t n);

#endif
