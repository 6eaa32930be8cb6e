// breaks: owner-of-ws
import "ws";
