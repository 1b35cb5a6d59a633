/* SPDX-License-Identifier: MIT */
/*
 * pam_faceauth.so: what it does in each phase of PAM.
 *
 * In the auth phase it asks for a face, and answers with nothing but success or a refusal. In the
 * account phase, which applications run behind an authentication that succeeded, it has no say: it
 * tells the daemon where that was by a password (docs/decisions/0020-password-login.md).
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
/* The first two as in arguments.py; ACCOUNT_S is longer than account.py's own deadline. */
enum { TIMEOUT_S = 15, TIMEOUT_MAX_S = 60, GRACE_S = 3, ACCOUNT_S = 4 };

/* Under this name PAM keeps, for as long as the application's handle lives, how our face ended. */
static const char FACE[] = "pam_faceauth_face";
static char matched[] = "match", refused[] = "refusal";

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int timeout = TIMEOUT_S;

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "timeout=", 8) == 0)
			timeout = atoi(argv[i] + 8);
	if (timeout < 1 || timeout > TIMEOUT_MAX_S)
		timeout = TIMEOUT_S; /* the module will refuse it */
	int verdict = ask_python(pamh, "auth", timeout + GRACE_S, flags, argc, argv);
	if (pam_set_data(pamh, FACE, verdict == PAM_SUCCESS ? matched : refused, NULL) != PAM_SUCCESS)
		return PAM_AUTHINFO_UNAVAIL; /* or a face might pass for a password later */
	if (verdict == PAM_SUCCESS || verdict == PAM_AUTH_ERR || verdict == PAM_MAXTRIES)
		return verdict;
	return PAM_AUTHINFO_UNAVAIL;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}

/*
 * Whether this login was by a password: pam_unix has left word that it took one, or the PAM line
 * says that whatever lets in here, beside our face, is one. Never where our face let in.
 */
static int by_password(pam_handle_t *pamh, int argc, const char **argv)
{
	const void *face = NULL, *code = NULL;

	(void)pam_get_data(pamh, FACE, &face);
	if (face == matched)
		return 0;
	if (pam_get_data(pamh, "unix_setcred_return", &code) == PAM_SUCCESS && code
	    && *(const int *)code == PAM_SUCCESS)
		return 1;
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "password=any") == 0)
			return face == refused;
	return 0;
}

/* PAM_IGNORE, always: as if this module were not there. */
EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	if (geteuid() == 0 && by_password(pamh, argc, argv)) /* the daemon believes root alone */
		(void)ask_python(pamh, "account", ACCOUNT_S, flags, argc, argv);
	return PAM_IGNORE;
}
