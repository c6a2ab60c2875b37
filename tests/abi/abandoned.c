/* A fork after a look-up that its call did not wait for: in the child its thread does not exist, and
 * what names it may name a thread of the host's. */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8 };

static atomic_int held = 1;
static pthread_barrier_t all_started;

/* Stands before the system's own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    (void)name, (void)service, (void)hints, (void)found;
    while (held) {
        sched_yield();
    }
    return EAI_NONAME;
}

static int thread_count(void) {
    DIR *threads = opendir("/proc/self/task");
    CHECK(threads != NULL);
    int count = 0;
    while (readdir(threads) != NULL) {
        count++;
    }
    closedir(threads);
    return count - 2; /* "." and ".." */
}

static void look_up_in_vain(const koodrive_client *client) {
    const char *ids[] = {"1842846715527000000"};
    koodrive_result *result = NULL;
    CHECK(koodrive_client_delete_scopes(client, DEVICE, ids, 1, NULL, &result, NULL) ==
          KOODRIVE_ERROR_UNREACHABLE);
    koodrive_result_free(result);
}

static void *stand_by(void *unused) {
    pthread_barrier_wait(&all_started);
    return unused;
}

/* The host's threads take the place of the one that the child has not. */
static void child(koodrive_client *client, int use) {
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&all_started, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, stand_by, NULL) == 0);
    }
    if (use) {
        look_up_in_vain(client);
    }
    koodrive_client_free(client);
    pthread_barrier_wait(&all_started);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    exit(0);
}

static void fork_child(koodrive_client *client, int use) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        child(client, use);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void) {
    koodrive_config *config = sandbox_config();
    koodrive_client *client = NULL;
    OK(koodrive_config_set_endpoint(config, "https://a-name.invalid", &error));
    OK(koodrive_config_set_connect_timeout_ms(config, 100, &error));
    OK(koodrive_config_set_max_attempts(config, 1, &error));
    OK(koodrive_client_new(config, &client, &error));
    look_up_in_vain(client);
    CHECK(thread_count() == 2);
    held = 0;
    while (thread_count() > 1) {
        sched_yield();
    }
    /* Its answer is there, and nobody has taken it. */
    fork_child(client, 0);
    fork_child(client, 1);
    look_up_in_vain(client);
    koodrive_client_free(client);

    /* It is still under way. */
    held = 1;
    OK(koodrive_client_new(config, &client, &error));
    look_up_in_vain(client);
    fork_child(client, 0);
    held = 0;
    while (thread_count() > 1) {
        sched_yield();
    }
    koodrive_client_free(client);
    koodrive_config_free(config);
    return 0;
}
