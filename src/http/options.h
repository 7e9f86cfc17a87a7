/*
** options.h
** The options of a call that the transport uses, one row each. A row defines
** the field of NvOptions, its default and its check (lua/options.c), the
** libcurl option that a string is passed to (easy.c), and an element of
** core.options(). From that list the Lua side accepts names, and make
** doc-options writes the tables in doc/, :help and the LuaCATS classes.
**
**   X(name, kind, libcurl's option or NV_NONE, secret, default, topic, help)
**
** kind     SECONDS (0: no limit), BYTES, BOOLEAN, or of strings TEXT, FILE (a
**          readable file) and PEM (a file with a certificate or key)
** secret   SHOWN or SECRET: may an error show the value?
** default  a number; of a string, words
** topic    of the table in doc/; NULL: only an option of novita.core
** help     one line, may contain Markdown
**
** The caller owns the strings, which must live until the transfer is started.
*/

#ifndef options_h
#define options_h

#define NV_NONE			0	/* no option of libcurl's */
#define NV_MAX_EVENT_BYTES	((size_t)256 * 1024 * 1024)

#define NV_OPTIONS(X) \
  X(connect_timeout, SECONDS, NV_NONE, SHOWN, 10, "timeouts", \
    "DNS, TCP and TLS together") \
  X(first_byte_timeout, SECONDS, NV_NONE, SHOWN, 600, "timeouts", \
    "from the end of the request to the complete headers of the response") \
  X(idle_timeout, SECONDS, NV_NONE, SHOWN, 120, "timeouts", \
    "between two bytes of the response, heartbeats included") \
  X(attempt_timeout, SECONDS, NV_NONE, SHOWN, 0, "timeouts", \
    "a whole attempt; for a stream, until its headers") \
  X(deadline, SECONDS, NV_NONE, SHOWN, 0, "timeouts", \
    "the whole call: waiting for a limiter, attempts, the delays between " \
    "them, and all of a stream") \
  X(max_response_bytes, BYTES, NV_NONE, SHOWN, 64 * 1024 * 1024, "ceilings", \
    "of a response, after decompression; a larger one is the error " \
    "`response_too_large`; streams and [files](requests.md#files) have no " \
    "limit") \
  X(max_header_bytes, BYTES, NV_NONE, SHOWN, 256 * 1024, "ceilings", \
    "of all header lines of one response") \
  X(max_event_bytes, BYTES, NV_NONE, SHOWN, NV_MAX_EVENT_BYTES, "ceilings", \
    "of one event of a stream, one line or one id") \
  X(proxy, TEXT, CURLOPT_PROXY, SECRET, "the environment's", "network", \
    "a proxy's URL: `http://`, `https://`, `socks5h://` ...; `\"\"` for " \
    "none, whatever the environment says; before libcurl 8.0 an `https://` " \
    "server is spoken to over HTTP/1.1 through one") \
  X(ca_file, FILE, NV_NONE, SHOWN, "the system's", "network", \
    "certificates to trust in place of the system's, a PEM file") \
  X(proxy_ca_file, PEM, NV_NONE, SHOWN, "the system's", "network", \
    "certificates to trust for an `https://` proxy, a PEM file; `ca_file` " \
    "does not apply to proxies") \
  X(client_cert, PEM, NV_NONE, SHOWN, "none", "network", \
    "the client certificate, for servers that request one, a PEM file") \
  X(client_key, PEM, NV_NONE, SHOWN, "in `client_cert`", "network", \
    "its private key, a PEM file") \
  X(client_key_passphrase, TEXT, NV_NONE, SECRET, "none", "network", \
    "the passphrase of an encrypted key") \
  X(keep_body, BOOLEAN, NV_NONE, SHOWN, 0, "policy", \
    "whether `info.body` holds the bytes of a plain answer too, after " \
    "decompression; `err.body` of an error does in any case") \
  X(stream, BOOLEAN, NV_NONE, SHOWN, 0, NULL, \
    "whether the body is read as a stream; a request table has `stream`")

/* the type of the field of each kind */
#define NV_TYPE_SECONDS		double
#define NV_TYPE_BYTES		size_t
#define NV_TYPE_BOOLEAN		int
#define NV_TYPE_TEXT		const char *
#define NV_TYPE_FILE		const char *
#define NV_TYPE_PEM		const char *

/* selects by kind: 'number' for numbers, 'string' for strings */
#define NV_PICK_SECONDS(number, string)	number
#define NV_PICK_BYTES(number, string)	number
#define NV_PICK_BOOLEAN(number, string)	number
#define NV_PICK_TEXT(number, string)	string
#define NV_PICK_FILE(number, string)	string
#define NV_PICK_PEM(number, string)	string

#endif
