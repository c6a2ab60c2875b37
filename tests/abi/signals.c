/* Signals every millisecond without SA_RESTART, SIGPIPE at its default, standard output and error
 * closed: no hang, no death, no wrong outcome. A signal handler may cancel. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t signals;
static koodrive_monitor *monitor;

static void on_alarm(int number) {
    (void)number;
    signals++;
}

static void on_user_signal(int number) {
    (void)number;
    koodrive_monitor_cancel(monitor);
}

static void delete_all(const koodrive_client *client, const char *device, koodrive_status expected,
                       koodrive_outcome outcome) {
    static char text[150][20];
    const char *ids[150];
    koodrive_result *result = NULL;
    for (int i = 0; i < 150; i++) {
        snprintf(text[i], sizeof text[i], "1842846715527000%03d", i);
        ids[i] = text[i];
    }
    CHECK(koodrive_client_delete_scopes(client, device, ids, 150, monitor, &result, NULL) == expected);
    CHECK(koodrive_result_tally(result, outcome) == 150);
    koodrive_result_free(result);
}

int main(void) {
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    signal(SIGPIPE, SIG_DFL);
    struct sigaction alarm = {.sa_handler = on_alarm};
    struct sigaction user = {.sa_handler = on_user_signal};
    CHECK(sigaction(SIGALRM, &alarm, NULL) == 0);
    CHECK(sigaction(SIGUSR1, &user, NULL) == 0);
    koodrive_client *client = sandbox_client();
    monitor = koodrive_monitor_new();
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; signals < 50; round++) {
        char device[32];
        snprintf(device, sizeof device, "round %d", round);
        delete_all(client, device, KOODRIVE_OK, KOODRIVE_OUTCOME_DELETED);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    raise(SIGUSR1);
    delete_all(client, "cancelled", KOODRIVE_ERROR_CANCELLED, KOODRIVE_OUTCOME_NOT_SENT);
    koodrive_monitor_free(monitor);
    koodrive_client_free(client);
    return 0;
}
