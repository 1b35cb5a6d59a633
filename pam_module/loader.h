/* SPDX-License-Identifier: MIT */
/* The Python module, asked from C. */
#ifndef FACEAUTH_LOADER_H
#define FACEAUTH_LOADER_H

#include <security/pam_modules.h>

/*
 * Runs the Python module for a phase, "auth" or "account", with the arguments of its PAM line, and
 * kills it where it takes longer than so many seconds; the time that a person takes is not its.
 *
 * The PAM code that it decided for; or -1, and a line in the log, where there is none to rely on.
 */
int ask_python(pam_handle_t *pamh, const char *phase, int seconds, int flags, int argc,
	       const char **argv);

#endif
