/* A client that was used before a fork works in the child, on connections of its own, and the
 * parent's connections are as good as before. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static void delete_one(const koodrive_client *client, const char *device) {
    const char *ids[] = {"1842846715527000000"};
    koodrive_result *result = NULL;
    OK(koodrive_client_delete_scopes(client, device, ids, 1, NULL, &result, &error));
    CHECK(koodrive_result_outcomes(result)[0] == KOODRIVE_OUTCOME_DELETED);
    koodrive_result_free(result);
}

int main(void) {
    koodrive_client *client = sandbox_client();
    delete_one(client, "before the fork");
    for (int child = 0; child < 3; child++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            char device[32];
            snprintf(device, sizeof device, "child %d", child);
            delete_one(client, device);
            koodrive_client_free(client);
            exit(0);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        char device[32];
        snprintf(device, sizeof device, "parent %d", child);
        delete_one(client, device);
    }
    koodrive_client_free(client);
    return 0;
}
