/* SPDX-License-Identifier: MIT */
/*
 * Starts pam_faceauth.py in a process of its own, and is its mouth and ears; see loader.h.
 *
 * All decisions are the Python module's. This file promises that only a confirmed verdict is one: a
 * crash, a hang or a message out of turn is none. A typed password goes into PAM_AUTHTOK and never
 * to the module. No state outlives a call, and any thread may call.
 *
 *   python3 -I -S -E -B MODULE PHASE FLAGS USER SERVICE RHOST CALLER ARGUMENT...
 *
 * On the socket, one datagram is one message, and its first byte says which:
 *   from the module  a PAM message style: show the text; 'l': log it, the next byte is the priority;
 *                    'v': the next byte is the verdict, a PAM code; then the module ends with it
 *   to the module    after each text: a PAM code, and 1 if a password was typed, else 0
 */
#define _GNU_SOURCE
#include "loader.h"
#include "spawn.h"

#include <errno.h>
#include <poll.h>
#include <security/pam_ext.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, ARGUMENTS_MAX = 16, MESSAGES_MAX = 24 };

struct module {
	pam_handle_t *pamh;
	int pidfd, socket, interrupt;
	int64_t deadline;
	sigset_t host_mask;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The next message's size, 0 once the module has ended and all is read, or -1: give up. */
static ssize_t receive(const struct module *module, char *text)
{
	struct pollfd fds[] = {
		{ module->pidfd, POLLIN, 0 },
		{ module->interrupt, POLLIN, 0 },
		{ module->socket, POLLIN, 0 },
	};
	struct signalfd_siginfo signal;

	for (;;) {
		int64_t left = module->deadline - now_ms();
		int ready = left > 0 ? poll(fds, 3, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || read(module->interrupt, &signal, sizeof signal) > 0) {
			pam_syslog(module->pamh, LOG_NOTICE, ready > 0 ? "interrupted" : "timed out");
			return -1;
		}
		ssize_t size = recv(module->socket, text, TEXT_MAX, MSG_DONTWAIT | MSG_TRUNC);
		if (size > 0)
			return size <= TEXT_MAX ? size : -1;
		if (fds[0].revents)
			return 0;
		if (size == 0)
			fds[2].fd = -1; /* it closed its end; now it has to end itself */
	}
}

/* Shows a text; a password typed there becomes PAM_AUTHTOK. The PAM code, and whether one was. */
static int show(const struct module *module, int style, const char *text, char *typed)
{
	char *answer = NULL;
	int code = pam_prompt(module->pamh, style, &answer, "%s", text);

	if (style == PAM_PROMPT_ECHO_OFF && code == PAM_SUCCESS && !answer)
		code = PAM_CONV_ERR; /* a host without an answer has confirmed nothing; "" has */
	*typed = answer && *answer;
	if (*typed && code == PAM_SUCCESS)
		code = pam_set_item(module->pamh, PAM_AUTHTOK, answer);
	if (answer)
		explicit_bzero(answer, strlen(answer));
	free(answer);
	return code;
}

/* Speaks for the module. Time that the person takes is not the module's; Ctrl-C there the host's. */
static int converse(struct module *module, int style, const char *text)
{
	char answer[2];
	sigset_t mask;
	int64_t before = now_ms();

	if (style != PAM_PROMPT_ECHO_OFF && style != PAM_TEXT_INFO && style != PAM_ERROR_MSG)
		return -1;
	pthread_sigmask(SIG_SETMASK, &module->host_mask, &mask);
	answer[0] = (char)show(module, style, text, &answer[1]);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	module->deadline += now_ms() - before;
	return send(module->socket, answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

/* Serves the module until it has ended. Its verdict, behind which nothing may follow; or -1. */
static int serve(struct module *module)
{
	char text[TEXT_MAX + 1];
	int verdict = -1;

	for (int count = 0; count < MESSAGES_MAX; count++) {
		ssize_t size = receive(module, text);
		if (size <= 0)
			return size < 0 ? -1 : verdict;
		text[size] = '\0';
		if (verdict >= 0 || size < 2)
			return -1;
		if (text[0] == 'v')
			verdict = (unsigned char)text[1];
		else if (text[0] == 'l')
			pam_syslog(module->pamh, LOG_PRI(text[1]), "%s", text + 2);
		else if (converse(module, text[0], text + 1))
			return -1;
	}
	return -1;
}

/* Starts the module, and gives its verdict, or -1. */
static int ask_module(struct module *module, char *const command[])
{
	sigset_t interrupt;
	int verdict = -1;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	module->interrupt = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
	if (module->interrupt < 0)
		return -1;
	pthread_sigmask(SIG_BLOCK, &interrupt, &module->host_mask);
	if (spawn_sealed(command, &module->pidfd, &module->socket) == 0) {
		verdict = serve(module);
		if (!end_sealed(module->pidfd, verdict))
			verdict = -1;
		close(module->socket);
		close(module->pidfd);
	}
	pthread_sigmask(SIG_SETMASK, &module->host_mask, NULL);
	close(module->interrupt);
	return verdict;
}

int ask_python(pam_handle_t *pamh, const char *phase, int seconds, int flags, int argc,
	       const char **argv)
{
	enum { PATH = 5, PHASE, FLAGS, USER, SERVICE, RHOST, CALLER, FIXED };
	struct module module = { .pamh = pamh };
	char flag_text[16], caller[16];
	const char *command[FIXED + ARGUMENTS_MAX + 1] = {
		PYTHON, "-I", "-S", "-E", "-B", MODULE_PATH, phase, flag_text, [CALLER] = caller };
	int count = FIXED;

	for (int i = 0; i < argc && i < ARGUMENTS_MAX; i++) {
		if (strncmp(argv[i], "module=/", 8) == 0)
			command[PATH] = argv[i] + 7;
		else
			command[count++] = argv[i];
	}
	if (argc > ARGUMENTS_MAX || pam_get_user(pamh, &command[USER], NULL) != PAM_SUCCESS
	    || pam_get_item(pamh, PAM_SERVICE, (const void **)&command[SERVICE]) != PAM_SUCCESS
	    || pam_get_item(pamh, PAM_RHOST, (const void **)&command[RHOST]) != PAM_SUCCESS)
		return -1;
	for (int i = USER; i <= RHOST; i++)
		command[i] = command[i] ? command[i] : "";
	(void)snprintf(flag_text, sizeof flag_text, "%d", flags);
	(void)snprintf(caller, sizeof caller, "%lu", (unsigned long)getuid());
	module.deadline = now_ms() + seconds * 1000;
	int verdict = ask_module(&module, (char *const *)command);
	if (verdict < 0)
		pam_syslog(pamh, LOG_WARNING, "no verdict from %s", command[PATH]);
	return verdict;
}
