/* A driver of a GPU that is not there: everything succeeds, nothing is computed, and the parameters of the last launch are kept. */

#include <string.h>

typedef unsigned long long word;
enum { MOST = 256 };

/* Set before a launch: how many parameters the kernel takes, and the bytes of each. */
int count, width[MOST];
/* After it: their values, the grid and the block, and the stream. */
word value[MOST], stream;
unsigned shape[6];

static void keep(const unsigned *sizes, word on, void **parameters) {
    memcpy(shape, sizes, sizeof shape);
    stream = on;
    memset(value, 0, sizeof value);
    for (int i = 0; i < count; i++) memcpy(&value[i], parameters[i], width[i]);
}

static int launch(void *kernel, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *on, void **parameters) {
    unsigned sizes[] = {x, y, z, bx, by, bz};
    keep(sizes, (word)on, parameters);
    return 0;
}

struct configuration { unsigned sizes[6], shared; void *stream; };
static int launch_as_configured(const struct configuration *given, void *kernel, void **parameters) {
    keep(given->sizes, (word)given->stream, parameters);
    return 0;
}

static int succeed(void) { return 0; }
static int version(int *out) { *out = 13000; return 0; }
static int one(int *out) { *out = 1; return 0; }
static int zero(int *out) { *out = 0; return 0; }
static int new_handle(void **out) { static char handles[1 << 16], *next = handles; *out = next++; return 0; }
static int context(void **out) { static char only; *out = &only; return 0; }
static int name_of(char *out, int size) { strncpy(out, "pretended", size); return 0; }
static int identity(char *out) { memset(out, 1, 16); return 0; }
static int attribute(int *out, int which) {
    /* threads of a block (1, 2, 3, 4), blocks (5, 6, 7), warp (10), multiprocessors (16), compute capability (75, 76) */
    *out = which == 75 ? 9 : which == 76 ? 0 : which == 10 ? 32 : which == 16 ? 132 : which < 8 ? 1024 : 65536;
    return 0;
}
static int attribute_of_kernel(int *out, int which) { *out = which == 0 ? 1024 : 0; return 0; }
static int same(void **out, void *given) { *out = given; return 0; }

static const struct { const char *name; void *function; } known[] = {
    {"cuDriverGetVersion", version}, {"cuDeviceGetCount", one}, {"cuDeviceGet", zero}, {"cuDeviceGetName", name_of},
    {"cuDeviceGetAttribute", attribute}, {"cuDeviceGetUuid", identity}, {"cuDevicePrimaryCtxRetain", context},
    {"cuCtxGetCurrent", context}, {"cuCtxPopCurrent", context}, {"cuCtxGetDevice", zero}, {"cuStreamGetCtx", same},
    {"cuLibraryLoadData", new_handle}, {"cuLibraryGetKernel", new_handle}, {"cuLibraryGetModule", new_handle},
    {"cuModuleLoadData", new_handle}, {"cuModuleLoadDataEx", new_handle}, {"cuModuleGetFunction", new_handle},
    {"cuKernelGetFunction", same}, {"cuKernelGetAttribute", attribute_of_kernel}, {"cuFuncGetAttribute", attribute_of_kernel},
    {"cuLaunchKernel", launch}, {"cuLaunchKernelEx", launch_as_configured},
};

int cuGetProcAddress_v2(const char *name, void **out, int version, word flags, int *found) {
    *out = strcmp(name, "cuGetProcAddress") ? (void *)succeed : (void *)cuGetProcAddress_v2;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, name)) *out = known[i].function;
    if (found) *found = 0;
    return 0;
}

int cuInit(unsigned flags) { return 0; }
