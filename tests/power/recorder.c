/* What a process does to its files, written down in order; and a disk that is full, read-only or failing, on demand.
 *
 *     cc -shared -fPIC -O2 -o recorder.so recorder.c
 *     POWER_FOLDER=/abs POWER_LOG=/else/log POWER_DISK=/else/state LD_PRELOAD=recorder.so COMMAND
 *
 * Watches the files below one folder, by the calls of the C library that SQLite and Python make; whoever reads the log
 * holds it against the files themselves, so that a call that is missing here is seen. SQLite's `-shm` is not written
 * down: it is made anew from the WAL (https://www.sqlite.org/walformat.html, 2).
 *
 * A change is written down after it was made, in one step with it: the log has the order in which things happened. Of a
 * sync beginning and end are written down, since other threads go on meanwhile. Times are CLOCK_MONOTONIC, which
 * all processes of a machine share: of a change when it began, of a sync's end when it was over.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 4096 /* more open at once than a service has: those beyond are not watched, and the comparison shows it */

enum { CREATE = 1, FOLDER, WRITE, TRUNCATE, SYNC, SYNCED, RENAME, UNLINK, MKDIR };
enum { SOUND, FULL, READ_ONLY, FAILING }; /* of the disk: FAILING is one whose syncs fail */

struct record { uint32_t kind, path, other, data; uint64_t file; int64_t at, time; }; /* then path, other and data */
struct state { int64_t disk, room; };                                               /* room: bytes by which files may grow */
struct seen { uint64_t file; int recorded; };                                       /* an open file; 0 is none of ours */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen open_files[FILES];
static struct state none, *state = &none;
static const char *folder;
static int out = -1;
static int64_t syncs;

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("POWER_LOG"), *file = getenv("POWER_DISK");
    if (log) out = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file) {
        int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
        void *there = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (there != MAP_FAILED) state = there;
    }
    folder = getenv("POWER_FOLDER");
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int ours(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    return length && path && strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

static int is_index(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

static void note(int kind, uint64_t file, const char *path, const char *other, const void *data, size_t length, int64_t at, int64_t time) {
    struct record head = {kind, path ? strlen(path) : 0, other ? strlen(other) : 0, length, file, at, time};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)other, head.other}, {(void *)data, length}};
    if (out >= 0 && syscall(SYS_writev, out, parts, 4) != (long)(sizeof head + head.path + head.other + length)) abort();
}

static int refused(int error) {
    pthread_mutex_unlock(&lock);
    errno = error;
    return -1;
}

static int done(int result) {
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static struct seen look(int fd) { return fd >= 0 && fd < FILES ? open_files[fd] : (struct seen){0, 0}; }

/* ---- opening ---- */

static int opened(int at, const char *path, int flags, mode_t mode) {
    struct stat was, is;
    if (at != AT_FDCWD && path[0] != '/') return syscall(SYS_openat, at, path, flags, mode);
    if (!ours(path)) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    int64_t time = now();
    int there = stat(path, &was) == 0, makes = (flags & O_CREAT) && !there, cuts = (flags & O_TRUNC) && there && was.st_size;
    if (state->disk == READ_ONLY && (makes || (flags & O_ACCMODE) != O_RDONLY)) return refused(EROFS);
    if (state->disk == FULL && makes && state->room <= 0) return refused(ENOSPC);
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && fd < FILES && fstat(fd, &is) == 0) {
        open_files[fd] = (struct seen){is.st_ino, !is_index(path)};
        if (S_ISDIR(is.st_mode)) note(FOLDER, is.st_ino, path, NULL, NULL, 0, 0, time);
        else if (makes && !is_index(path)) note(CREATE, is.st_ino, path, NULL, NULL, 0, 0, time);
        else if (cuts && !is_index(path)) note(TRUNCATE, is.st_ino, NULL, NULL, NULL, 0, 0, time);
    }
    return done(fd);
}

#define MODE mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES) open_files[fd] = (struct seen){0, 0};
    return done(syscall(SYS_close, fd));
}

/* ---- changing ---- */

static ssize_t written(int fd, const void *data, size_t length, int64_t at) {
    struct stat is;
    pthread_mutex_lock(&lock);
    int64_t time = now();
    struct seen file = look(fd);
    int places = at >= 0; /* else where the file stands, or at its end */
    if (file.file) {
        fstat(fd, &is);
        if (!places) at = fcntl(fd, F_GETFL) & O_APPEND ? is.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
        int64_t grows = at + (int64_t)length - is.st_size;
        if (state->disk == READ_ONLY) return refused(EROFS);
        if (state->disk == FULL && grows > 0) {
            int64_t lacks = grows - state->room;
            if (lacks >= (int64_t)length) return refused(ENOSPC);
            if (lacks > 0) length -= lacks, grows -= lacks; /* as a disk does: what there is room for */
            state->room -= grows;
        }
    }
    ssize_t count = places ? syscall(SYS_pwrite64, fd, data, length, at) : syscall(SYS_write, fd, data, length);
    if (count > 0 && file.recorded) note(WRITE, file.file, NULL, NULL, data, count, at, time);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return count;
}

ssize_t write(int fd, const void *data, size_t length) {
    return look(fd).file ? written(fd, data, length, -1) : syscall(SYS_write, fd, data, length);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return written(fd, data, length, at); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return written(fd, data, length, at); }

int ftruncate64(int fd, off64_t size) {
    pthread_mutex_lock(&lock);
    int64_t time = now();
    struct seen file = look(fd);
    if (file.file && state->disk == READ_ONLY) return refused(EROFS);
    int result = syscall(SYS_ftruncate, fd, size);
    if (result == 0 && file.recorded) note(TRUNCATE, file.file, NULL, NULL, NULL, 0, size, time);
    return done(result);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* ---- making sure ---- */

static int synced(int fd, long call) {
    struct seen file = look(fd);
    if (!file.file) return syscall(call, fd);
    if (state->disk == FAILING) { errno = EIO; return -1; }
    pthread_mutex_lock(&lock);
    int64_t number = (int64_t)getpid() << 32 | ++syncs;
    note(SYNC, file.file, NULL, NULL, NULL, 0, number, now());
    pthread_mutex_unlock(&lock);
    int result = syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (result == 0) note(SYNCED, file.file, NULL, NULL, NULL, 0, number, now());
    return done(result);
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* ---- names ---- */

static int named(int kind, const char *path, const char *other, mode_t mode) {
    int watched = ours(path) || (other && ours(other));
    pthread_mutex_lock(&lock);
    int64_t time = now();
    if (watched && state->disk == READ_ONLY) return refused(EROFS);
    if (watched && state->disk == FULL && kind == MKDIR && state->room <= 0) return refused(ENOSPC);
    int result = kind == RENAME   ? syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, other)
                 : kind == UNLINK ? syscall(SYS_unlinkat, AT_FDCWD, path, 0)
                                  : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (watched && result == 0 && !is_index(path)) note(kind, 0, path, other, NULL, 0, 0, time);
    return done(result);
}
int rename(const char *path, const char *other) { return named(RENAME, path, other, 0); }
int unlink(const char *path) { return named(UNLINK, path, NULL, 0); }
int mkdir(const char *path, mode_t mode) { return named(MKDIR, path, NULL, mode); }
