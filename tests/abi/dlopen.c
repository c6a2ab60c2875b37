/* Loaded at run time, used, and closed, again and again. The argument is the library. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    for (int round = 0; round < 20 && count == 2; round++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        uint32_t (*abi_version)(void);
        void *(*plan_new)(void);
        void (*plan_free)(void *);
        *(void **)&abi_version = dlsym(library, "koodrive_abi_version");
        *(void **)&plan_new = dlsym(library, "koodrive_plan_new");
        *(void **)&plan_free = dlsym(library, "koodrive_plan_free");
        if (abi_version() >> 16 != 1) {
            return 2;
        }
        plan_free(plan_new());
        dlclose(library);
    }
    return 0;
}
