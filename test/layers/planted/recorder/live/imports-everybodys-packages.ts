// breaks: owner-of-ssh2 owner-of-aws-sdk owner-of-xterm owner-of-zstd-napi owner-of-kysely owner-of-libsql
// breaks: owner-of-fastify owner-of-commander owner-of-node-rs-argon2 owner-of-age-encryption owner-of-yaml owner-of-otpauth owner-of-uqr owner-of-pkijs owner-of-asn1js owner-of-pg owner-of-tesseract.js
// breaks: owner-of-yazl owner-of-asciinema-player owner-of-novnc-novnc owner-of-fzstd owner-of-re2js owner-of-preact owner-of-vite owner-of-noble package-without-owner
// breaks: owner-of-prom-client owner-of-simplewebauthn-server owner-of-simplewebauthn-browser owner-of-openid-client
import "@aws-sdk/client-s3";
import "@noble/ed25519";
import "@node-rs/argon2";
import "@novnc/novnc";
import "@xterm/headless";
import "age-encryption";
import "asciinema-player";
import "commander";
import "fastify";
import "fzstd";
import "kysely";
import "libsql";
import "otpauth";
import "pg";
import "preact";
import "prom-client";
import "re2js";
import "ssh2";
import "tesseract.js";
import "uqr";
import "@simplewebauthn/server";
import "@simplewebauthn/browser";
import "openid-client";
import "vite";
import "vitest";
import "yaml";
import "yazl";
import "zstd-napi";
import "asn1js";
import "pkijs";
