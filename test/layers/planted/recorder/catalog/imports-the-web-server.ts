// breaks: owner-of-fastify owner-of-smithy
import "@fastify/cookie";
import "@smithy/core";
