#include "bench.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct arguments arguments_parse(int argc, char **argv) {
    struct arguments a = {.requests = 1000, .ids = 100, .connections = 1, .devices = 1, .repeat = 1};
    struct {
        const char *name;
        long *value;
    } options[] = {
        {"--port", &a.port},       {"--requests", &a.requests},
        {"--ids", &a.ids},         {"--connections", &a.connections},
        {"--devices", &a.devices}, {"--sign", &a.sign},
        {"--calls", &a.calls},     {"--repeat", &a.repeat},
        {"--journal", &a.journal}, {"--events", &a.events},
    };
    size_t count = sizeof options / sizeof *options;
    if (argc > 1)
        a.file = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        size_t o = 0;
        while (o < count && strcmp(argv[i], options[o].name) != 0)
            o++;
        if (o == count)
            DIE("unknown option %s", argv[i]);
        *options[o].value = atol(argv[i + 1]);
    }
    return a;
}

char *read_ids(const char *name, size_t count) {
    size_t length = count * (ID_LENGTH + 1);
    char *text = malloc(length + 1);
    FILE *file = name ? fopen(name, "r") : NULL;
    if (!file || !text || fread(text, 1, length, file) != length)
        DIE("the file of ids is too short");
    fclose(file);
    return text;
}

bool fails(const char *id) {
    return id[ID_LENGTH - 1] == '7';
}

struct usage usage_now(void) {
    struct timespec wall;
    struct rusage r;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    getrusage(RUSAGE_SELF, &r);
    return (struct usage){
        .wall = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
        .user = (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6,
        .system = (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6,
        .peak_kb = status_kb("VmHWM"), /* not ru_maxrss, which a process inherits */
    };
}

long status_kb(const char *name) {
    char line[256];
    long kb = 0;
    size_t length = strlen(name);
    FILE *file = fopen("/proc/self/status", "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0)
            kb = atol(line + length + 1);
    fclose(file);
    return kb;
}

void usage_print(const struct usage *start) {
    struct usage end = usage_now();
    printf("{\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"peak_kb\":%ld,\"grown_kb\":%ld}\n",
           end.wall - start->wall, end.user - start->user, end.system - start->system, end.peak_kb,
           end.peak_kb - start->peak_kb);
}
