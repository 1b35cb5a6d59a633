/* SPDX-License-Identifier: MIT */
/*
 * A PAM application for the tests: authenticates against the services of a folder, in the ways in
 * which hosts are awkward.
 *
 *   driver FOLDER SERVICE USER [OPTION...]
 *     answer=TEXT       what is typed at the prompts (else the conversation fails)
 *     slow=SECONDS      the person takes that long at a prompt
 *     no-answer         the conversation succeeds without an answer
 *     rhost=HOST  silent
 *     rounds=N threads=N
 *     account           goes on to the account phase where authentication succeeded
 *     account=only      goes there without any authentication
 *     account=always    goes there whatever authentication said
 *     account=nobody    goes there as nobody, who is not root
 *     sigchld=ignore    children reap themselves
 *     sigchld=reap      a handler reaps all children
 *     fds=N             N descriptors without close-on-exec are open
 *     no-stdio          0, 1 and 2 are closed
 *     signals           all signals are blocked, and SIGINT and SIGTERM ignored
 *     atfork            an atfork handler that ends any forked child
 *     uid=N             the real user is N, as in a setuid program
 *
 * Prints each shown text ("info TEXT", "error TEXT", "prompt TEXT"), and "code N" for each
 * authentication; in one thread with more than 10 rounds, also by how many descriptors ("fds N") and
 * KiB ("rss N") it has grown since the tenth.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *folder, *service, *user, *answer, *rhost;
static int no_answer, slow, flags, rounds = 1;
static const char *account;
static FILE *out;

static int talk(int count, const struct pam_message **messages, struct pam_response **responses,
		void *data)
{
	static const char *const names[] = { "", "prompt", "echo", "error", "info" };
	(void)data;
	*responses = calloc((size_t)count, sizeof **responses);
	for (int i = 0; i < count; i++) {
		int style = messages[i]->msg_style;
		fprintf(out, "%s %s\n", style < 5 ? names[style] : "other", messages[i]->msg);
		if (style > PAM_PROMPT_ECHO_ON || no_answer)
			continue;
		sleep((unsigned)slow);
		if (!answer) {
			free(*responses);
			*responses = NULL;
			return PAM_CONV_ERR;
		}
		(*responses)[i].resp = strdup(answer);
	}
	return PAM_SUCCESS;
}

static long resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		abort();
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long descriptors(void)
{
	long count = 0;
	DIR *folder_of_fds = opendir("/proc/self/fd");
	while (readdir(folder_of_fds))
		count++;
	closedir(folder_of_fds);
	return count;
}

static void authenticate(void)
{
	struct pam_conv conversation = { talk, NULL };
	pam_handle_t *pamh = NULL;

	if (pam_start_confdir(service, user, &conversation, folder, &pamh) != PAM_SUCCESS)
		abort();
	if (rhost)
		pam_set_item(pamh, PAM_RHOST, rhost);
	int code = PAM_SUCCESS;
	if (!account || strcmp(account, "only")) {
		code = pam_authenticate(pamh, flags);
		fprintf(out, "code %d\n", code);
	}
	if (account && !strcmp(account, "nobody") && seteuid(65534))
		abort();
	if (account && (code == PAM_SUCCESS || !strcmp(account, "always")))
		fprintf(out, "account %d\n", pam_acct_mgmt(pamh, flags));
	pam_end(pamh, code);
}

static void *authenticate_all(void *measure)
{
	long rss = 0, fds = 0;

	for (int round = 0; round < rounds; round++) {
		if (round == 10) {
			rss = resident();
			fds = descriptors();
		}
		authenticate();
	}
	if (measure && rounds > 10)
		fprintf(out, "fds %ld\nrss %ld\n", descriptors() - fds, resident() - rss);
	return NULL;
}

static void reap(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void end_child(void)
{
	_exit(99);
}

int main(int argc, char **argv)
{
	pthread_t threads[16];
	int thread_count = 1, fds = 0, no_stdio = 0, hostile_signals = 0;
	sigset_t all;

	if (argc < 4)
		return 2;
	folder = argv[1], service = argv[2], user = argv[3];
	out = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 50), "w");
	setvbuf(out, NULL, _IOLBF, 0);
	for (int i = 4; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		value = value ? value + 1 : argv[i];
		if (!strncmp(argv[i], "answer=", 7))
			answer = value;
		else if (!strncmp(argv[i], "rhost=", 6))
			rhost = value;
		else if (!strncmp(argv[i], "slow=", 5))
			slow = atoi(value);
		else if (!strncmp(argv[i], "rounds=", 7))
			rounds = atoi(value);
		else if (!strncmp(argv[i], "threads=", 8))
			thread_count = atoi(value);
		else if (!strncmp(argv[i], "fds=", 4))
			fds = atoi(value);
		else if (!strncmp(argv[i], "uid=", 4) && setresuid((uid_t)atoi(value), (uid_t)-1, (uid_t)-1))
			abort();
		else if (!strncmp(argv[i], "account", 7))
			account = value;
		else if (!strcmp(argv[i], "no-answer"))
			no_answer = 1;
		else if (!strcmp(argv[i], "silent"))
			flags = PAM_SILENT;
		else if (!strcmp(argv[i], "no-stdio"))
			no_stdio = 1;
		else if (!strcmp(argv[i], "signals"))
			hostile_signals = 1;
		else if (!strcmp(argv[i], "atfork"))
			pthread_atfork(NULL, NULL, end_child);
		else if (!strcmp(argv[i], "sigchld=ignore"))
			signal(SIGCHLD, SIG_IGN);
		else if (!strcmp(argv[i], "sigchld=reap"))
			signal(SIGCHLD, reap);
	}
	while (fds-- > 0)
		if (open("/etc/passwd", O_RDONLY) < 0)
			abort();
	for (int fd = 0; no_stdio && fd < 3; fd++)
		close(fd);
	sigfillset(&all);
	if (hostile_signals && (sigprocmask(SIG_BLOCK, &all, NULL) || signal(SIGINT, SIG_IGN) == SIG_ERR
				|| signal(SIGTERM, SIG_IGN) == SIG_ERR))
		abort();
	if (thread_count == 1)
		authenticate_all(out);
	for (int i = 0; thread_count > 1 && i < thread_count; i++)
		pthread_create(&threads[i], NULL, authenticate_all, NULL);
	for (int i = 0; thread_count > 1 && i < thread_count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
