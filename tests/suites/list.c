/* SPDX-License-Identifier: MIT */
/* Page lists. All that they need of a map are its descriptors, here bare links. */

#include <balloon/list.h>

#include "suite.h"

enum { N_LINKS = 5 };

struct bare {
	struct balloon_link links[N_LINKS + 1]; /* the last is of no page */
	struct balloon_descriptors pages;
	struct balloon_list list;
};

static void bare_init(struct bare *b)
{
	*b = (struct bare){.pages = {(unsigned char *)b->links, sizeof b->links[0], N_LINKS}};
	balloon_list_init(&b->list);
	for (int i = 0; i < N_LINKS; i++)
		balloon_link_init(&b->links[i]);
}

static void check_order(const struct bare *b, const uint32_t *indexes, size_t n)
{
	uint32_t index = BALLOON_LINK_END;
	for (size_t i = 0; i < n; i++) {
		index = balloon_list_next(&b->pages, &b->list, index);
		CHECK_EQ(index, indexes[i]);
		CHECK(balloon_list_is_sound_at(&b->pages, &b->list, balloon_page(index)));
	}
	CHECK_EQ(balloon_list_next(&b->pages, &b->list, index), BALLOON_LINK_END);
}

static void push_all(struct bare *b)
{
	for (uint32_t i = 0; i < N_LINKS; i++)
		balloon_list_push(&b->pages, &b->list, balloon_page(i));
}

Test(list, pushes_to_the_head_and_unlinks_anywhere)
{
	struct bare b;
	bare_init(&b);
	check_order(&b, NULL, 0);
	push_all(&b);
	check_order(&b, (const uint32_t[]){4, 3, 2, 1, 0}, 5);
	balloon_list_unlink(&b.pages, &b.list, balloon_page(2));
	check_order(&b, (const uint32_t[]){4, 3, 1, 0}, 4);
	balloon_list_unlink(&b.pages, &b.list, balloon_page(4));
	check_order(&b, (const uint32_t[]){3, 1, 0}, 3);
	balloon_list_unlink(&b.pages, &b.list, balloon_page(0));
	check_order(&b, (const uint32_t[]){3, 1}, 2);
	balloon_list_push(&b.pages, &b.list, balloon_page(2));
	check_order(&b, (const uint32_t[]){2, 3, 1}, 3);
	for (uint32_t i = 1; i <= 3; i++)
		balloon_list_unlink(&b.pages, &b.list, balloon_page(i));
	check_order(&b, NULL, 0);
	for (int i = 0; i < N_LINKS; i++)
		CHECK(!balloon_link_is_linked(&b.links[i]));
}

Test(list, pops_from_the_head_until_it_is_empty)
{
	struct bare b;
	bare_init(&b);
	push_all(&b);
	for (uint32_t left = N_LINKS; left > 0; left--) {
		CHECK_EQ(balloon_list_pop(&b.pages, &b.list).index, left - 1);
		CHECK(!balloon_link_is_linked(&b.links[left - 1]));
		check_order(
			&b, (const uint32_t[]){left - 2, left - 3, left - 4, left - 5}, left - 1);
	}
	CHECK_EQ(b.list.first, BALLOON_LINK_END);
}

Test(list, the_only_page_is_linked)
{
	struct bare b;
	bare_init(&b);
	balloon_list_push(&b.pages, &b.list, balloon_page(0));
	CHECK(balloon_link_is_linked(&b.links[0]));
	CHECK(balloon_list_is_sound_at(&b.pages, &b.list, balloon_page(0)));
}

static bool is_sound_with(struct bare *b, struct balloon_link link)
{
	struct balloon_link saved = b->links[2];
	b->links[2] = link;
	bool is_sound = balloon_list_is_sound_at(&b->pages, &b->list, balloon_page(2));
	b->links[2] = saved;
	return is_sound;
}

Test(list, neighbours_that_do_not_point_back_are_found)
{
	struct bare b;
	bare_init(&b);
	push_all(&b);                                   /* 4 3 2 1 0 */
	b.links[N_LINKS] = (struct balloon_link){2, 2}; /* what is no page points back, too */
	CHECK(is_sound_with(&b, (struct balloon_link){1, 3}));
	CHECK(!is_sound_with(&b, (struct balloon_link){0, 3}));
	CHECK(!is_sound_with(&b, (struct balloon_link){1, 4}));
	CHECK(!is_sound_with(&b, (struct balloon_link){1, BALLOON_LINK_END}));
	CHECK(!is_sound_with(&b, (struct balloon_link){N_LINKS, 3}));
	CHECK(!is_sound_with(&b, (struct balloon_link){1, N_LINKS}));
	CHECK(!is_sound_with(&b, (struct balloon_link){BALLOON_LINK_UNLINKED, 3}));
	CHECK(!is_sound_with(&b, (struct balloon_link){1, BALLOON_LINK_UNLINKED}));
	b.links[1].previous = 4;
	CHECK(!balloon_list_is_sound_at(&b.pages, &b.list, balloon_page(2)));
}
