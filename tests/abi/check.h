/* What the C tests share: a check that says where it failed, and a client of the sandbox. */
#ifndef CHECK_H
#define CHECK_H

#include <koodrive.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                \
    do {                                                                                                \
        if (!(condition)) {                                                                             \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                   \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

#define DEVICE "1842812272691451648"

/* A call that must succeed, whose last argument is &error. */
#define OK(call)                                                                                        \
    do {                                                                                                \
        koodrive_error *error = NULL;                                                                   \
        if ((call) != KOODRIVE_OK) {                                                                    \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,                               \
                    koodrive_error_message(error));                                                     \
            exit(1);                                                                                    \
        }                                                                                               \
        CHECK(error == NULL);                                                                           \
    } while (0)

/* A call that must be refused with a message that holds the text. */
#define REFUSED(text, call)                                                                             \
    do {                                                                                                \
        koodrive_error *error = NULL;                                                                   \
        CHECK((call) == KOODRIVE_ERROR_INVALID_ARGUMENT);                                               \
        CHECK(koodrive_error_status(error) == KOODRIVE_ERROR_INVALID_ARGUMENT);                         \
        if (strstr(koodrive_error_message(error), text) == NULL) {                                      \
            fprintf(stderr, "%s:%d: %s: not in: %s\n", __FILE__, __LINE__, text,                        \
                    koodrive_error_message(error));                                                     \
            exit(1);                                                                                    \
        }                                                                                               \
        koodrive_error_free(error);                                                                     \
    } while (0)

static inline koodrive_config *sandbox_config(void) {
    koodrive_config *config = koodrive_config_new();
    CHECK(config != NULL);
    OK(koodrive_config_load_env(config, &error));
    return config;
}

static inline koodrive_client *sandbox_client(void) {
    koodrive_config *config = sandbox_config();
    koodrive_client *client = NULL;
    OK(koodrive_client_new(config, &client, &error));
    koodrive_config_free(config);
    return client;
}

#endif
