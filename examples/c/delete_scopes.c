/*
 * Deletes backup scopes and says what became of each.
 *
 *   delete_scopes [--user ID] --device ID [ids and --file FILE]... [--device ID ...]
 *                 [--journal FILE] [--dry-run] [--progress] [--quiet]
 *
 * Ids are arguments, or stand one a line in FILE ("-": standard input). --user and --device hold
 * for what comes after them. With --journal the run is written down in FILE, and the same command takes
 * up one that was killed. Where the service is and who we are comes from the environment:
 * KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, and KOODRIVE_ACCESS_TOKEN or KOODRIVE_APP_ID with
 * KOODRIVE_APP_SECRET.
 *
 * Exit status: 0 all gone, 1 some may still exist, 2 usage, 3 the run is incomplete.
 */
#define _POSIX_C_SOURCE 200809L

#include <koodrive.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ALL_GONE = 0, SOME_LEFT = 1, USAGE = 2, INCOMPLETE = 3 };

static koodrive_monitor *monitor;
static atomic_bool finished;

/* The first Ctrl-C waits for the responses under way, a second one does not. */
static void on_interrupt(int signal_number) {
    signal(signal_number, on_interrupt); /* Some systems forget it when it is called. */
    koodrive_monitor_cancel(monitor);
}

static void *show_progress(void *unused) {
    const struct timespec pause = {0, 100 * 1000 * 1000};
    while (!atomic_load(&finished)) {
        fprintf(stderr, "\r%zu of %zu ids", koodrive_monitor_scopes_done(monitor),
                koodrive_monitor_scopes_total(monitor));
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "\r%zu of %zu ids\n", koodrive_monitor_scopes_done(monitor),
            koodrive_monitor_scopes_total(monitor));
    return unused;
}

/* Says what an error says, and frees it. */
static int fail(const char *what, koodrive_error *error) {
    fprintf(stderr, "%s: %s: %s\n", what, koodrive_status_name(koodrive_error_status(error)),
            koodrive_error_message(error));
    koodrive_error_free(error);
    return USAGE;
}

/* Reads a whole file; the caller frees it. */
static char *read_all(const char *path, size_t *length) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t capacity = 0;
    *length = 0;
    if (file == NULL) {
        return NULL;
    }
    for (;;) {
        if (*length == capacity) {
            char *larger = realloc(text, capacity = capacity ? 2 * capacity : 65536);
            if (larger == NULL) {
                break;
            }
            text = larger;
        }
        size_t got = fread(text + *length, 1, capacity - *length, file);
        *length += got;
        if (got == 0) {
            break;
        }
    }
    if (ferror(file) || !feof(file)) {
        free(text);
        text = NULL;
    }
    if (file != stdin) {
        fclose(file);
    }
    return text;
}

static int add_file(koodrive_plan *plan, const char *user, const char *device, const char *path) {
    size_t length;
    koodrive_error *error;
    char *text = read_all(path, &length);
    if (text == NULL) {
        fprintf(stderr, "%s: can't be read\n", path);
        return USAGE;
    }
    koodrive_status status = koodrive_plan_add_lines(plan, user, device, text, length, 0, &error);
    free(text);
    return status == KOODRIVE_OK ? 0 : fail(path, error);
}

struct options {
    const char *journal;
    bool dry_run, progress, quiet;
};

/* Fills the plan from the command line. */
static int read_arguments(char **argument, koodrive_plan *plan, struct options *options) {
    const char *user = NULL, *device = NULL;
    koodrive_error *error;
    for (; *argument != NULL; argument++) {
        const char *word = *argument;
        if (strcmp(word, "--dry-run") == 0) {
            options->dry_run = true;
        } else if (strcmp(word, "--progress") == 0) {
            options->progress = true;
        } else if (strcmp(word, "--quiet") == 0) {
            options->quiet = true;
        } else if (strncmp(word, "--", 2) == 0 && argument[1] == NULL) {
            fprintf(stderr, "%s: unknown, or its value is missing\n", word);
            return USAGE;
        } else if (strcmp(word, "--user") == 0) {
            user = *++argument;
        } else if (strcmp(word, "--device") == 0) {
            device = *++argument;
        } else if (strcmp(word, "--file") == 0) {
            int trouble = add_file(plan, user, device, *++argument);
            if (trouble) {
                return trouble;
            }
        } else if (strcmp(word, "--journal") == 0) {
            options->journal = *++argument;
        } else if (strncmp(word, "--", 2) == 0) {
            fprintf(stderr, "%s: unknown option\n", word);
            return USAGE;
        } else if (koodrive_plan_add(plan, user, device, &word, 1, &error) != KOODRIVE_OK) {
            return fail(word, error);
        }
    }
    return 0;
}

static const char *or_dash(const char *text) {
    return text == NULL ? "-" : text;
}

static void print_row(const koodrive_result *result, size_t index, int width) {
    koodrive_outcome outcome = koodrive_result_outcomes(result)[index];
    printf("%-*s  %-9s  %-8s  %s\n", width, koodrive_result_scope_id(result, index),
           koodrive_outcome_name(outcome), or_dash(koodrive_result_service_code(result, index)),
           or_dash(koodrive_result_message(result, index)));
}

/* Steps through all ids, or only those that may still exist. */
static bool next_row(const koodrive_result *result, bool only_failures, size_t *cursor, size_t *index) {
    if (only_failures) {
        return koodrive_result_next_failure(result, cursor, index);
    }
    *index = (*cursor)++;
    return *index < koodrive_result_count(result);
}

static void print_table(const koodrive_result *result, bool only_failures) {
    size_t index = 0;
    int width = 0;
    for (size_t cursor = 0; next_row(result, only_failures, &cursor, &index);) {
        int length = (int)strlen(koodrive_result_scope_id(result, index));
        width = length > width ? length : width;
    }
    for (size_t cursor = 0; next_row(result, only_failures, &cursor, &index);) {
        print_row(result, index, width);
    }
}

static void print_tally(const koodrive_result *result) {
    printf("%zu ids:", koodrive_result_count(result));
    for (koodrive_outcome outcome = KOODRIVE_OUTCOME_NOT_SENT; outcome <= KOODRIVE_OUTCOME_UNKNOWN;
         outcome++) {
        size_t tally = koodrive_result_tally(result, outcome);
        if (tally > 0) {
            printf(" %zu %s", tally, koodrive_outcome_name(outcome));
        }
    }
    printf("; requests: %zu\n", koodrive_result_request_count(result));
}

static int run(const koodrive_client *client, const koodrive_plan *plan, struct options options) {
    koodrive_error *error;
    koodrive_result *result;
    pthread_t progress;
    bool watched = options.progress && pthread_create(&progress, NULL, show_progress, NULL) == 0;
    koodrive_status status = options.journal == NULL
                                 ? koodrive_client_delete_plan(client, plan, monitor, &result, &error)
                                 : koodrive_client_delete_plan_journaled(client, plan, options.journal,
                                                                         monitor, &result, &error);
    atomic_store(&finished, true);
    if (watched) {
        pthread_join(progress, NULL);
    }
    int exit_status = ALL_GONE;
    if (result != NULL) {
        size_t cursor = 0, index;
        print_table(result, options.quiet);
        print_tally(result);
        exit_status = koodrive_result_next_failure(result, &cursor, &index) ? SOME_LEFT : ALL_GONE;
        koodrive_result_free(result);
    }
    if (status != KOODRIVE_OK) {
        exit_status = result == NULL ? USAGE : INCOMPLETE;
        fail("the run is incomplete", error);
    }
    return exit_status;
}

/* The client that the environment describes; NULL after saying why not. */
static koodrive_client *client_from_environment(void) {
    koodrive_error *error;
    koodrive_client *client = NULL;
    koodrive_config *config = koodrive_config_new();
    if (koodrive_config_load_env(config, &error) != KOODRIVE_OK ||
        koodrive_client_new(config, &client, &error) != KOODRIVE_OK) {
        fail("configuration", error);
    }
    koodrive_config_free(config);
    return client;
}

int main(int count, char **arguments) {
    struct options options = {NULL, false, false, false};
    koodrive_plan *plan = koodrive_plan_new();
    int exit_status = count > 1 ? read_arguments(arguments + 1, plan, &options) : USAGE;
    if (count <= 1) {
        fprintf(stderr,
                "usage: %s [--user ID] --device ID [ID | --file FILE]... "
                "[--journal FILE] [--dry-run] [--progress] [--quiet]\n",
                arguments[0]);
    } else if (exit_status == 0 && options.dry_run) {
        printf("%zu ids in %zu requests; nothing was sent\n", koodrive_plan_scope_count(plan),
               koodrive_plan_request_count(plan));
    } else if (exit_status == 0) {
        koodrive_client *client = client_from_environment();
        exit_status = USAGE;
        if (client != NULL) {
            monitor = koodrive_monitor_new();
            void (*before)(int) = signal(SIGINT, on_interrupt);
            exit_status = run(client, plan, options);
            signal(SIGINT, before);
            koodrive_monitor_free(monitor);
        }
        koodrive_client_free(client);
    }
    koodrive_plan_free(plan);
    return exit_status;
}
