/* SPDX-License-Identifier: MIT */
/* The types of <balloon/types.h> for a program that has no header of the C standard: as the compiler says. */
#ifndef OWN_TYPES_H
#define OWN_TYPES_H

typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;

#define bool _Bool
#define true 1
#define false 0

#define NULL                   ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

#define SIZE_MAX   __SIZE_MAX__
#define UINT32_MAX __UINT32_MAX__
#define UINT64_MAX __UINT64_MAX__

#define UINT32_C(n)    __UINT32_C_(n)
#define UINT64_C(n)    __UINT64_C_(n)
#define __UINT32_C_(n) n##U
#if __SIZEOF_LONG__ == 8
#define __UINT64_C_(n) n##UL
#else
#define __UINT64_C_(n) n##ULL
#endif

#endif
