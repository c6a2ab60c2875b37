/* The library through its C interface: all ids in one plan, or a call for each request.
 *
 *     koodrive IDS-FILE --port P --requests N --ids N --connections N */
#include "bench.h"

#include <koodrive.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static struct arguments a;
static char *text; /* all ids, one a line */

static koodrive_error *error;

/* Ends the program with what the library says, if a call that was given &error failed. */
static void check(koodrive_status status) {
    if (status != KOODRIVE_OK)
        DIE("%s: %s", koodrive_status_name(status), koodrive_error_message(error));
}

static koodrive_client *new_client(void) {
    char url[64];
    koodrive_client *client;
    koodrive_config *config = koodrive_config_new();
    snprintf(url, sizeof url, "http://127.0.0.1:%ld", a.port);
    check(koodrive_config_set_endpoint(config, url, &error));
    check(koodrive_config_set_user_id(config, USER, &error));
    check(a.sign ? koodrive_config_set_app_credentials(config, "app", TOKEN, &error)
                 : koodrive_config_set_access_token(config, TOKEN, &error));
    check(koodrive_config_set_max_connections(config, (uint32_t)a.connections, &error));
    check(koodrive_client_new(config, &client, &error));
    koodrive_config_free(config);
    return client;
}

static void add(koodrive_plan *plan, const char *device, size_t first, size_t count) {
    const char *lines = text + first * (ID_LENGTH + 1);
    size_t length = count * (ID_LENGTH + 1);
    check(koodrive_plan_add_lines(plan, NULL, device, lines, length, count, &error));
}

/* Runs a plan that is written down in a file of its own, beside the ids. */
static koodrive_result *run_journaled(const koodrive_client *client, const koodrive_plan *plan) {
    char path[4096];
    koodrive_result *result;
    snprintf(path, sizeof path, "%s-journal", a.file);
    check(koodrive_client_delete_plan_journaled(client, plan, path, NULL, &result, &error));
    if (a.journal == 1)
        remove(path);
    return result;
}

static atomic_bool is_over;

/* Takes the events of a run, ten times a second, as a logger would; how many there were. */
static void *take_events(void *monitor) {
    size_t taken = 0;
    for (bool is_last = false; !is_last;) {
        is_last = atomic_load(&is_over);
        for (koodrive_event *event; (event = koodrive_monitor_next_event(monitor)); taken++)
            koodrive_event_free(event);
        if (!is_last)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    if (koodrive_monitor_events_dropped(monitor) > 0 || taken != koodrive_monitor_requests_sent(monitor))
        DIE("events were lost");
    return NULL;
}

/* Runs a plan whose events another thread takes. */
static koodrive_result *run_watched(const koodrive_client *client, const koodrive_plan *plan) {
    koodrive_result *result;
    koodrive_monitor *monitor = koodrive_monitor_new();
    check(koodrive_monitor_keep_events(monitor, 10000, &error));
    pthread_t taker;
    atomic_store(&is_over, false);
    if (pthread_create(&taker, NULL, take_events, monitor) != 0)
        DIE("no thread");
    check(koodrive_client_delete_plan(client, plan, monitor, &result, &error));
    atomic_store(&is_over, true);
    pthread_join(taker, NULL);
    koodrive_monitor_free(monitor);
    return result;
}

/* Runs the plan, and checks that each id fared as the server says. */
static void delete(const koodrive_client *client, koodrive_plan *plan, size_t first) {
    koodrive_result *result;
    if (a.journal)
        result = run_journaled(client, plan);
    else if (a.events)
        result = run_watched(client, plan);
    else
        check(koodrive_client_delete_plan(client, plan, NULL, &result, &error));
    const koodrive_outcome *outcomes = koodrive_result_outcomes(result);
    for (size_t i = 0; i < koodrive_result_count(result); i++) {
        const char *id = text + (first + i) * (ID_LENGTH + 1);
        if (outcomes[i] != (fails(id) ? KOODRIVE_OUTCOME_NOT_FOUND : KOODRIVE_OUTCOME_DELETED))
            DIE("id %zu: %s", first + i, koodrive_outcome_name(outcomes[i]));
    }
    koodrive_result_free(result);
    koodrive_plan_free(plan);
}

static void delete_range(const koodrive_client *client, size_t first, size_t count) {
    koodrive_plan *plan = koodrive_plan_new();
    add(plan, DEVICE, first, count);
    delete(client, plan, first);
}

static void delete_of_devices(const koodrive_client *client, size_t count) {
    koodrive_plan *plan = koodrive_plan_new();
    size_t share = count / (size_t)a.devices;
    char device[32];
    for (size_t d = 0; d < (size_t)a.devices; d++) {
        snprintf(device, sizeof device, "device-%zu", d);
        add(plan, device, d * share, share);
    }
    delete(client, plan, 0);
}

static void delete_all(const koodrive_client *client, size_t count) {
    if (a.calls)
        for (size_t i = 0; i < count; i += (size_t)a.ids)
            delete_range(client, i, (size_t)a.ids);
    else if (a.devices > 1)
        delete_of_devices(client, count);
    else
        delete_range(client, 0, count);
}

int main(int argc, char **argv) {
    a = arguments_parse(argc, argv);
    size_t count = (size_t)(a.requests * a.ids);
    text = read_ids(a.file, count);
    koodrive_client *client = new_client();
    long journal = a.journal;
    a.journal = 0;
    delete_range(client, 0, 1); /* connects */
    a.journal = journal;
    if (a.journal == 2)
        delete_all(client, count);
    struct usage start = usage_now();
    for (long i = 0; i < a.repeat; i++)
        delete_all(client, count);
    usage_print(&start);
    koodrive_client_free(client);
    free(text);
    return 0;
}
