/* How long a process waits for the library: dlopen, the first https client with its first connection,
 * and a second client with its own.
 *
 *     startup LIBRARY
 *
 * The peer reads the ClientHello and closes: what is measured includes reading the platform's
 * certificates and ends before the handshake's cryptography. */
#include "bench.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <koodrive.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static void *peer(void *listener) {
    char hello[4096];
    for (int socket; (socket = accept(*(int *)listener, NULL, NULL)) >= 0; close(socket))
        if (read(socket, hello, sizeof hello) < 0)
            perror("read");
    return NULL;
}

static long listen_on_loopback(void) {
    static int listener;
    static pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 8))
        DIE("can't listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    pthread_create(&thread, NULL, peer, &listener);
    return ntohs(address.sin_port);
}

static void *library;

#define FUNCTION(name) __typeof__(&name) name##_ = (__typeof__(&name))dlsym(library, #name)

/* Builds a client and lets it try one request; seconds. */
static double use(const char *url) {
    FUNCTION(koodrive_config_new);
    FUNCTION(koodrive_config_set_endpoint);
    FUNCTION(koodrive_config_set_user_id);
    FUNCTION(koodrive_config_set_access_token);
    FUNCTION(koodrive_config_set_max_attempts);
    FUNCTION(koodrive_client_new);
    FUNCTION(koodrive_client_delete_scopes);
    const char *ids[] = {"1"};
    koodrive_client *client;
    koodrive_result *result;
    koodrive_config *config = koodrive_config_new_();
    koodrive_config_set_endpoint_(config, url, NULL);
    koodrive_config_set_user_id_(config, USER, NULL);
    koodrive_config_set_access_token_(config, TOKEN, NULL);
    koodrive_config_set_max_attempts_(config, 1, NULL);
    double start = usage_now().wall;
    koodrive_client_new_(config, &client, NULL);
    koodrive_status status = koodrive_client_delete_scopes_(client, DEVICE, ids, 1, NULL, &result, NULL);
    double seconds = usage_now().wall - start;
    if (status != KOODRIVE_ERROR_UNREACHABLE)
        DIE("status %d", (int)status);
    return seconds; /* client and result stay, as in a program that goes on */
}

int main(int argc, char **argv) {
    char url[64];
    if (argc != 2)
        return 2;
    snprintf(url, sizeof url, "https://127.0.0.1:%ld", listen_on_loopback());
    double start = usage_now().wall;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    double loaded = usage_now().wall - start;
    if (!library)
        DIE("%s", dlerror());
    double first = use(url), second = use(url);
    printf("{\"dlopen_ms\":%.3f,\"first_ms\":%.3f,\"second_ms\":%.3f}\n", loaded * 1e3, first * 1e3,
           second * 1e3);
    return 0;
}
