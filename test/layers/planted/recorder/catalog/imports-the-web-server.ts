// breaks: owner-of-fastify owner-of-ws owner-of-smithy
import "@fastify/cookie";
import "@smithy/core";
import "ws";
