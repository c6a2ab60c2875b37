/* One client and one list, 16 threads, a monitor each, whose events another thread takes; an error on one thread
 * does not show on another. */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 16, ROUNDS = 5, IDS = 120 };

static koodrive_client *client;
static koodrive_scopes *shared;

/* Lists what there is of a user, who may be forbidden, and reads what all threads read. */
static void list(const char *user, koodrive_status expected) {
    koodrive_plan *plan = koodrive_plan_new();
    koodrive_devices *devices = NULL;
    koodrive_error *error = NULL;
    CHECK(koodrive_client_list_devices(client, user, NULL, &devices, &error) == expected);
    CHECK(koodrive_error_status(error) == expected);
    CHECK((koodrive_devices_device_id(devices, 0) != NULL) == (expected == KOODRIVE_OK));
    koodrive_error_free(error);
    koodrive_devices_free(devices);
    OK(koodrive_plan_add_scopes(plan, shared, &error));
    CHECK(koodrive_plan_scope_count(plan) == koodrive_scopes_count(shared));
    CHECK(strcmp(koodrive_scopes_module_code(shared, 149), "102") == 0);
    koodrive_plan_free(plan);
}

typedef struct {
    koodrive_monitor *monitor;
    atomic_bool is_over;
    size_t requests;
    size_t scopes;
    size_t given_up; /* Of these. */
} watch;

static void *take_events(void *argument) {
    watch *run = argument;
    for (;;) {
        bool is_over = atomic_load(&run->is_over); /* Before the last look. */
        koodrive_event *event = koodrive_monitor_next_event(run->monitor);
        if (event == NULL) {
            if (is_over) {
                return NULL;
            }
            sched_yield();
            continue;
        }
        CHECK(strlen(koodrive_event_request_id(event)) > 0);
        CHECK(strlen(koodrive_event_user_id(event)) > 0);
        CHECK(strlen(koodrive_event_first_scope_id(event)) > 0);
        if (koodrive_event_kind(event) == KOODRIVE_EVENT_REQUEST) {
            CHECK(koodrive_monitor_requests_sent(run->monitor) > run->requests);
            run->requests++;
            run->scopes += koodrive_event_scope_count(event);
        } else {
            CHECK(koodrive_event_kind(event) == KOODRIVE_EVENT_GIVEN_UP);
            run->given_up += koodrive_event_scope_count(event);
        }
        koodrive_event_free(event);
    }
}

static void *work(void *number) {
    char user[32], ids[IDS][32];
    const char *pointers[IDS];
    int thread = *(int *)number;
    snprintf(user, sizeof user, thread % 2 ? "forbidden" : "user %d", thread);
    for (int i = 0; i < IDS; i++) {
        snprintf(ids[i], sizeof ids[i], "1842846715527000%03d", i);
        pointers[i] = ids[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        char device[32];
        snprintf(device, sizeof device, "%d/%d", thread, round);
        koodrive_plan *plan = koodrive_plan_new();
        koodrive_monitor *monitor = koodrive_monitor_new();
        koodrive_result *result = NULL;
        koodrive_error *error = NULL;
        pthread_t watcher;
        watch run = {.monitor = monitor};
        OK(koodrive_monitor_keep_events(monitor, 10, &error));
        CHECK(pthread_create(&watcher, NULL, take_events, &run) == 0);
        OK(koodrive_plan_add(plan, user, device, pointers, IDS, &error));
        koodrive_status status = koodrive_client_delete_plan(client, plan, monitor, &result, &error);
        CHECK(status == (thread % 2 ? KOODRIVE_ERROR_SERVICE : KOODRIVE_OK));
        list(user, status);
        CHECK(koodrive_error_http_status(error) == (thread % 2 ? 403 : 0));
        CHECK(koodrive_result_tally(result, thread % 2 ? KOODRIVE_OUTCOME_REJECTED
                                                       : KOODRIVE_OUTCOME_DELETED) == IDS);
        CHECK(koodrive_monitor_scopes_done(monitor) == IDS);
        atomic_store(&run.is_over, true);
        CHECK(pthread_join(watcher, NULL) == 0);
        CHECK(run.requests == 2 && run.scopes == IDS);
        CHECK(run.given_up == (thread % 2 ? IDS : 0));
        koodrive_error_free(error);
        koodrive_result_free(result);
        koodrive_monitor_free(monitor);
        koodrive_plan_free(plan);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    client = sandbox_client();
    OK(koodrive_client_list_scopes(client, NULL, DEVICE, NULL, NULL, &shared, &error));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    koodrive_scopes_free(shared);
    koodrive_client_free(client);
    return 0;
}
