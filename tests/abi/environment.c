/* Reads of the environment, which are unsafe beside another thread's setenv: only
 * koodrive_config_load_env() makes them, and the platform's rules for finding certificates. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

extern char **environ;

static char names[64][64];
static int count;

/* Stands before the system's own. */
char *getenv(const char *name) {
    CHECK(count < 64 && strlen(name) < sizeof names[0]);
    strcpy(names[count++], name);
    size_t length = strlen(name);
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=') {
            return *variable + length + 1;
        }
    }
    return NULL;
}

static void delete_one(const koodrive_config *config, koodrive_status expected) {
    const char *ids[] = {"1842846715527000000"};
    koodrive_client *client = NULL;
    koodrive_result *result = NULL;
    koodrive_error *error = NULL;
    OK(koodrive_client_new(config, &client, &error));
    CHECK(koodrive_client_delete_scopes(client, DEVICE, ids, 1, NULL, &result, &error) == expected);
    koodrive_error_free(error);
    koodrive_result_free(result);
    koodrive_client_free(client);
}

/* With two endpoints, plain and TLS, a CA file, and a proxy that refuses. */
int main(int argc, char **argv) {
    CHECK(argc == 5);
    koodrive_config *config = koodrive_config_new();
    OK(koodrive_config_set_endpoint(config, argv[1], &error));
    OK(koodrive_config_set_user_id(config, "1505084218764547200", &error));
    OK(koodrive_config_set_access_token(config, "a-token", &error));
    OK(koodrive_config_set_max_attempts(config, 1, &error));
    delete_one(config, KOODRIVE_OK);
    CHECK(count == 0);

    OK(koodrive_config_set_endpoint(config, argv[2], &error));
    delete_one(config, KOODRIVE_ERROR_UNREACHABLE); /* not trusted by the platform */
    for (int i = 0; i < count; i++) {
        CHECK(strcmp(names[i], "SSL_CERT_FILE") == 0 || strcmp(names[i], "SSL_CERT_DIR") == 0);
    }
    CHECK(count == 2);
    delete_one(config, KOODRIVE_ERROR_UNREACHABLE);
    OK(koodrive_config_set_ca_file(config, argv[3], &error));
    delete_one(config, KOODRIVE_OK);
    OK(koodrive_config_set_proxy(config, argv[4], &error));
    delete_one(config, KOODRIVE_ERROR_UNREACHABLE);
    REFUSED("user_id", koodrive_config_set_user_id(config, "", &error));
    CHECK(count == 2);

    OK(koodrive_config_load_env(config, &error));
    CHECK(count > 2);
    for (int i = 2; i < count; i++) {
        CHECK(strncmp(names[i], "KOODRIVE_", 9) == 0);
    }
    koodrive_config_free(config);
    return 0;
}
