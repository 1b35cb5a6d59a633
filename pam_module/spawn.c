/* SPDX-License-Identifier: MIT */
/* See spawn.h. Between clone and exec only async-signal-safe calls: the parent may have threads. */
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_setresuid32 /* else SYS_setresuid is an old one, for users below 65536 */
#define SYS_setresuid32 SYS_setresuid
#define SYS_setresgid32 SYS_setresgid
#endif

/* Also where the parent runs with its own stdio closed, and `socket` is 0, 1 or 2. */
static int seal_descriptors(int socket)
{
	int safe = fcntl(socket, F_DUPFD, CHILD_SOCKET + 1);
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < CHILD_SOCKET; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	return dup2(safe, CHILD_SOCKET) < 0 ? -1 : close_range(CHILD_SOCKET + 1, ~0U, 0);
}

static int seal_signals(void)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &standard, NULL); /* SIGKILL and such refuse: no matter */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Wholly the effective user, or the person who called a setuid parent could signal us. By bare
 * system call: libc's own would wait for the parent's other threads, which are not here. */
static int seal_user(void)
{
	return syscall(SYS_setresgid32, getegid(), getegid(), getegid())
	       || syscall(SYS_setresuid32, geteuid(), geteuid(), geteuid()) ? -1 : 0;
}

static _Noreturn void become(char *const argv[], int socket, pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	char *const no_environment[] = { NULL };

	umask(077);
	/* The death signal comes after the user, because a change of user clears it; and before the
	 * look at the parent, which may be gone already. */
	if (seal_descriptors(socket) == 0 && seal_user() == 0 && chdir("/") == 0
	    && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && setpgid(0, 0) == 0
	    && setrlimit(RLIMIT_CORE, &no_core) == 0 && seal_signals() == 0)
		execve(argv[0], argv, no_environment);
	_exit(127);
}

/* clone3 and not fork: no atfork handler of the parent runs, and the pidfd is of this child even
 * where the parent ignores SIGCHLD and the pid may be another's at once. */
int spawn_sealed(char *const argv[], int *pidfd, int *socket)
{
	struct clone_args how = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	sigset_t all, before;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the parent runs in the child */
	long pid = syscall(SYS_clone3, &how, sizeof how);
	if (pid == 0)
		become(argv, pair[1], parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	*socket = pair[0];
	return 0;
}

int end_sealed(int pidfd, int status)
{
	struct pollfd ended = { pidfd, POLLIN, 0 };
	siginfo_t how = { 0 };
	int ready;

	if (status < 0)
		(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while ((ready = poll(&ended, 1, 1000)) < 0 && errno == EINTR)
		;
	if (ready != 1)
		return 0;
	if (waitid(P_PIDFD, (id_t)pidfd, &how, WEXITED | WNOHANG) < 0)
		return errno == ECHILD;
	return how.si_code == CLD_EXITED && how.si_status == status;
}
