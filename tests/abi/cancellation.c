/* A thread that is cancelled (pthread_cancel) in a call finishes the call, and ends after it. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>

static koodrive_result *result;
static koodrive_client *client;
static koodrive_status status;
static int freed;

static void *delete_one(void *unused) {
    const char *ids[] = {"1842846715527000000"};
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    status = koodrive_client_delete_scopes(client, DEVICE, ids, 1, NULL, &result, NULL);
    pthread_testcancel();
    return NULL;
}

static void *free_client(void *unused) {
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    koodrive_client_free(client);
    freed = 1;
    pthread_testcancel();
    return NULL;
}

/* A thread that had disabled cancellation finds it disabled. */
static void *keeps_its_state(void *unused) {
    int state = -1;
    (void)unused;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    koodrive_config_free(koodrive_config_new());
    koodrive_client *none = NULL;
    CHECK(koodrive_client_new(NULL, &none, NULL) == KOODRIVE_ERROR_INVALID_ARGUMENT);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state) == 0);
    CHECK(state == PTHREAD_CANCEL_DISABLE);
    return NULL;
}

static void run(void *(*work)(void *), void *expected) {
    pthread_t thread;
    void *ended_by = NULL;
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    CHECK(pthread_join(thread, &ended_by) == 0);
    CHECK(ended_by == expected);
}

int main(void) {
    client = sandbox_client();
    run(delete_one, PTHREAD_CANCELED);
    CHECK(status == KOODRIVE_OK);
    CHECK(koodrive_result_outcomes(result)[0] == KOODRIVE_OUTCOME_DELETED);
    run(keeps_its_state, NULL);
    run(free_client, PTHREAD_CANCELED);
    CHECK(freed);
    koodrive_result_free(result);
    return 0;
}
