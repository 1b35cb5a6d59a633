/* SPDX-License-Identifier: MIT */
/* A child process that nothing of its parent gets into. */
#ifndef FACEAUTH_SPAWN_H
#define FACEAUTH_SPAWN_H

enum { CHILD_SOCKET = 3 };

/*
 * Starts the absolute program argv[0], as the effective user, with an empty environment, stdio on
 * /dev/null, default signals and / as its directory. Its one other descriptor, CHILD_SOCKET, is the
 * peer of *socket, a SOCK_SEQPACKET pair. It dies with the calling thread. What fails between here
 * and the program's own start is an exit with status 127.
 *
 * 0, or -1 and errno. *pidfd and *socket are the caller's to close, and closed on exec.
 */
int spawn_sealed(char *const argv[], int *pidfd, int *socket);

/*
 * Sees a child off: kills it where status is negative, waits a second for its end, and reaps it.
 *
 * Whether it exited with this status. A process that ignores SIGCHLD, or reaps all its children,
 * hides that from us; then whether it has ended at all.
 */
int end_sealed(int pidfd, int status);

#endif
