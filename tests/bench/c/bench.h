/* What the C clients share: arguments, ids, measuring. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define DEVICE "dev-0001"
#define USER "4400001234567890"
#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* All ids have as many digits. */
#define ID_LENGTH 19

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

struct arguments {
    const char *file; /* koodrive only, the first argument: the ids, one a line */
    long port, requests, ids, connections;
    long devices; /* koodrive only: each with an equal share of the ids */
    long sign;    /* koodrive only: App-ID signatures instead of a token */
    long calls;   /* koodrive only: one delete call for each request */
    long journal; /* koodrive only: 1: written down in a file; 2: that is left, and taken up */
    long events;  /* koodrive only: kept, and taken by another thread */
    long repeat;  /* koodrive only: how often the whole run is done */
};

struct usage {
    double wall, user, system; /* seconds */
    long peak_kb;              /* of the whole process */
};

struct arguments arguments_parse(int argc, char **argv);

/* The first `count` ids of a file, all as long, one a line: the same ids in every client. */
char *read_ids(const char *file, size_t count);

/* Whether the server says of this id that it does not exist. */
bool fails(const char *id);

struct usage usage_now(void);

/* A line of /proc/self/status in KiB, such as "VmRSS". */
long status_kb(const char *name);

/* Prints what was used since `start`, as one line of JSON. */
void usage_print(const struct usage *start);

#endif
